"""Files that are asked for once more: whose records they carry, and what was asked for before."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import psycopg

from distribution.ledger import deliveries
from distribution.ledger.connection import read_frame
from distribution.ledger.files import ScoreFile, select
from distribution.model import Action, Channel, DeliveryState, ResultStatus


def may_be_shown(conn: psycopg.Connection, original: ScoreFile) -> list[int]:
    """The deliveries of a file that may be shown once more, by their ids.

    Not shown are scores that are cancelled or withheld by now, and those that this recipient was told to
    remove. A cancellation shows no score, so it always may.
    """
    rows = conn.execute(
        """
        SELECT d.delivery_id
        FROM ledger.delivery AS d
        WHERE d.file_id = %s AND d.left_at IS NOT NULL
          AND (d.action = %s OR EXISTS (
              SELECT FROM ledger.result_version AS newest
              WHERE newest.result_id = d.result_id AND newest.latest AND NOT newest.withdrawn
                AND newest.status = %s
          ) AND (
              SELECT told.action FROM ledger.delivery AS told
              WHERE told.result_id = d.result_id AND told.recipient = d.recipient AND told.state <> %s
              ORDER BY told.revision DESC, told.delivery_id DESC
              LIMIT 1
          ) <> %s)
        ORDER BY d.delivery_id
        """,
        [
            *(original.file_id, Action.CANCELLATION, ResultStatus.SCORED),
            *(DeliveryState.WITHDRAWN, Action.CANCELLATION),
        ],
    ).fetchall()
    return [row[0] for row in rows]


def copy_deliveries(conn: psycopg.Connection, delivery_ids: Sequence[int], *, to: str, owed_on: date) -> int:
    """Give a RESEND file deliveries of its own: copies of these, claimed, on a new occasion."""
    return conn.execute(
        """
        INSERT INTO ledger.delivery (result_id, revision, academic_year, recipient, designated, occasion,
                                     action, reasons, channel, state, owed_on, file_id)
        SELECT d.result_id, d.revision, d.academic_year, d.recipient, d.designated, 'resend:' || f.name,
               d.action, array_append(array_remove(d.reasons, 'resend'), 'resend'), d.channel, 'claimed', %s,
               f.file_id
        FROM ledger.delivery AS d
        CROSS JOIN ledger.score_file AS f
        WHERE d.delivery_id = ANY(%s) AND f.name = %s
        """,
        [owed_on, list(delivery_ids), to],
    ).rowcount


def resend_of(conn: psycopg.Connection, name: str, *, asked_because: str, on: date) -> ScoreFile | None:
    """The file that sends `name` again for this reason and date, if there is one."""
    found = select(
        conn,
        "original_name = %s AND kind = 'RESEND' AND asked_because = %s AND business_date = %s",
        [name, asked_because, on],
    )
    return found[0] if found else None


def family(conn: psycopg.Connection, file: ScoreFile) -> list[ScoreFile]:
    """The file whose records `file` carries, and all that sent them again, copies of copies too; in order."""
    return select(
        conn,
        """
        name IN (
            WITH RECURSIVE back (name, original) AS (
                SELECT name, original_name FROM ledger.score_file WHERE name = %s
                UNION
                SELECT f.name, f.original_name
                FROM ledger.score_file AS f JOIN back AS b ON f.name = b.original
                WHERE NOT f.test
            ), kin (name) AS (
                SELECT name FROM back WHERE original IS NULL
                UNION
                SELECT f.name
                FROM ledger.score_file AS f JOIN kin AS k ON f.original_name = k.name
                WHERE f.kind = 'RESEND'
            )
            SELECT name FROM kin
        )
        """,
        [file.name],
    )


def full_of(conn: psycopg.Connection, di: str, *, asked_because: str, on: date) -> ScoreFile | None:
    """The FULL file of an institution for this reason and date, if there is one."""
    found = select(
        conn,
        "di = %s AND kind = 'FULL' AND asked_because = %s AND business_date = %s",
        [di, asked_because, on],
    )
    return found[0] if found else None


def note_override(conn: psycopg.Connection, name: str, rule: str) -> None:
    """Keep which rule an operator went beyond."""
    conn.execute("UPDATE ledger.score_file SET outside_policy = %s WHERE name = %s", [rule, name])


def standing_scores(conn: psycopg.Connection, recipient: str) -> pd.DataFrame:
    """What stands now of all that a recipient got, by whatever channel, as a scored result; all text.

    What is on its way in a file of an earlier number counts as got: it arrives first. Left out are scores
    that are cancelled or withheld by now, whoever was told; what the recipient was told to remove; and a
    revision that a newer one replaces, which comes as a correction of its own.

    Columns: result_id, revision, academic_year, recipient, designated, action, test_date, reasons.
    """
    return read_frame(
        conn,
        """
        WITH newest_got AS (
            SELECT DISTINCT ON (result_id) *
            FROM ledger.delivery
            WHERE recipient = %(recipient)s
              AND (state IN ('delivered', 'acknowledged')
                   OR (state IN ('claimed', 'failed') AND channel = %(electronic)s))
            ORDER BY result_id, revision DESC, delivery_id DESC
        )
        SELECT d.result_id, d.revision, d.academic_year, d.recipient, d.designated, d.action, v.test_date,
               array_to_string(array_append(array_remove(d.reasons, 'resend'), 'resend'), ' ') AS reasons
        FROM newest_got AS d
        JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
        WHERE d.action <> %(cancellation)s AND v.latest AND NOT v.withdrawn AND v.status = %(scored)s
        ORDER BY d.result_id
        """,
        {
            "recipient": recipient,
            "electronic": Channel.ELECTRONIC,
            "cancellation": Action.CANCELLATION,
            "scored": ResultStatus.SCORED,
        },
    )


def owe_again(conn: psycopg.Connection, got: pd.DataFrame, *, occasion: str, owed_on: date) -> list[int]:
    """Deliveries of their own for results that are sent again (`standing_scores`), pending; their ids."""
    given = {
        "channel": Channel.ELECTRONIC.value,
        "state": "pending",
        "state_reason": "",
        "occasion": occasion,
    }
    owed = got.drop(columns="test_date").assign(owed_on=owed_on.isoformat(), **given)
    deliveries.add(conn, owed, run_id=None)
    rows = conn.execute(
        "SELECT delivery_id FROM ledger.delivery WHERE occasion = %s AND recipient = %s",
        [occasion, got["recipient"].iloc[0]],
    ).fetchall()
    return [row[0] for row in rows]
