"""The fall-back to paper: files that did not arrive give up their numbers, and their scores go by mail."""

from dataclasses import dataclass
from datetime import date

import psycopg


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that has not arrived; `in_doubt`: it may stand at the host whole, so it cannot be given up.

    `place`: where its last attempt went.
    """

    file_id: int
    name: str
    business_date: date
    in_doubt: bool
    place: str | None
    details: int


def open_files(conn: psycopg.Connection, di: str) -> list[OpenFile]:
    """The files of an institution that have not arrived, in their order.

    They stay locked: a sender that is under way can note nothing more of one that is given up.
    """
    rows = conn.execute(
        """
        SELECT file_id, name, business_date,
               failure IS NOT DISTINCT FROM 'ambiguous-delivery'
                   OR closing_attempt IS NOT NULL OR renaming_attempt IS NOT NULL
                   OR EXISTS (SELECT FROM ledger.acknowledgement AS a
                              WHERE a.file_id = f.file_id AND a.outcome = 'early' AND a.settled_at IS NULL),
               place, details
        FROM ledger.score_file AS f
        WHERE di = %s AND NOT test AND state IN ('built', 'publishing', 'failed')
        ORDER BY sequence
        FOR UPDATE
        """,
        [di],
    ).fetchall()
    return [OpenFile(*row) for row in rows]


def give_up(conn: psycopg.Connection, file_id: int) -> int:
    """Give up a file's number: its deliveries wait for paper, the number is sent later as VOID.

    Nothing of it ever stood under its final name. Returns the number of deliveries.
    """
    conn.execute(
        """
        UPDATE ledger.score_file
        SET state = 'void', sha256 = '', sidecar_sha256 = CASE WHEN sidecar_name IS NOT NULL THEN '' END,
            may_have_left = false, failure = NULL, failure_detail = NULL
        WHERE file_id = %s
        """,
        [file_id],
    )
    return conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'pending', state_reason = NULL, channel = 'paper', file_id = NULL, left_at = NULL
        WHERE file_id = %s AND state IN ('claimed', 'failed')
        """,
        [file_id],
    ).rowcount


def pending_to_paper(conn: psycopg.Connection, di: str) -> int:
    """Let the deliveries of an institution that are in no file yet go by paper. Returns their number."""
    return conn.execute(
        """
        UPDATE ledger.delivery SET channel = 'paper'
        WHERE recipient = %s AND channel = 'electronic' AND state = 'pending' AND file_id IS NULL
        """,
        [di],
    ).rowcount


def revive(conn: psycopg.Connection, di: str) -> list[str]:
    """Let the numbers that were given up be sent, as VOID and in their order. Returns the files' names."""
    rows = conn.execute(
        """
        UPDATE ledger.score_file SET state = 'built', last_attempt_at = NULL
        WHERE di = %s AND NOT test AND state = 'void'
        RETURNING name
        """,
        [di],
    ).fetchall()
    return sorted(row[0] for row in rows)
