"""Deliveries: who is owed which revision, where it stands, and to whom it was shown."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import psycopg

from distribution.ledger.connection import copy_frame, read_frame
from distribution.model import DeliveryState, WithdrawalReason

_CONTENTS = """
SELECT d.delivery_id, d.result_id, d.revision, d.academic_year, d.recipient, d.designated, d.occasion,
       d.action, array_to_string(d.reasons, ' ') AS reasons, d.channel, d.state, d.state_reason, d.owed_on,
       d.batch_id, d.piece, d.file_id,
       v.status, v.candidate_id, v.last_name, v.first_name, v.middle_name, v.birth_date, v.gender,
       v.exam_code, v.test_date, v.scored_on, v.scaled_score, v.funding, v.voucher_order_id,
       v.attending_code, v.recipient_1, v.recipient_2, v.test_center_code, v.email, v.postal_code,
       v.college_student_id, v.local_student_id, v.grade,
       (SELECT max(e.revision)
        FROM ledger.delivery AS e
        WHERE e.result_id = d.result_id
          AND e.recipient = d.recipient
          AND e.revision < d.revision
          AND e.left_at IS NOT NULL) AS replaces_revision
FROM ledger.delivery AS d
JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
"""
_ORDER = """
ORDER BY d.recipient COLLATE "C", v.last_name COLLATE "C", v.first_name COLLATE "C",
         v.candidate_id COLLATE "C", v.exam_code COLLATE "C", d.result_id COLLATE "C", d.revision,
         d.delivery_id
"""


def contents(
    conn: psycopg.Connection,
    *,
    channel: str | None = None,
    states: Sequence[str] | None = None,
    file_id: int | None = None,
    batch_id: str | None = None,
    recipients: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Deliveries with the revision that they carry, in a fixed order (byte order of the texts).

    Columns as selected above, all text (empty = none) but `delivery_id` int64; `reasons` parted by a space;
    `replaces_revision` = the newest revision that this recipient may have got before.
    """
    conditions, params = ["true"], []
    for condition, value in (
        ("d.channel = %s", channel),
        ("d.state = ANY(%s)", list(states) if states is not None else None),
        ("d.file_id = %s", file_id),
        ("d.batch_id = %s", batch_id),
        ("d.recipient = ANY(%s)", list(recipients) if recipients is not None else None),
    ):
        if value is not None:
            conditions.append(condition)
            params.append(value)
    frame = read_frame(conn, f"{_CONTENTS} WHERE {' AND '.join(conditions)} {_ORDER}", params)
    return frame.astype({"delivery_id": "int64"})


def add(conn: psycopg.Connection, owed: pd.DataFrame, *, run_id: str | None) -> int:
    """Record deliveries that are newly owed; those on file stay as they are. Returns the number added.

    `owed`: result_id, revision, academic_year, recipient, designated, occasion, action, reasons (parted by a
    space), channel ('' = none), state, state_reason, owed_on; all text.
    """
    if owed.empty:
        return 0
    _stage(conn, "owed", owed)
    added = conn.execute(
        """
        INSERT INTO ledger.delivery (result_id, revision, academic_year, recipient, designated, occasion,
                                     action, reasons, channel, state, state_reason, owed_on, owed_by_run)
        SELECT result_id, revision::int, academic_year::smallint, recipient, designated, occasion,
               action, string_to_array(reasons, ' '), nullif(channel, ''), state, nullif(state_reason, ''),
               owed_on::date, %(run)s
        FROM staged_owed
        ORDER BY result_id, revision::int, recipient, occasion
        ON CONFLICT (result_id, revision, recipient, occasion) DO NOTHING
        """,
        {"run": run_id},
    ).rowcount
    _open_holds(conn)
    return added


def hold(conn: psycopg.Connection, held: pd.DataFrame) -> int:
    """Hold deliveries for a person. `held`: delivery_id int64, reason (a `DeliveryHoldReason`)."""
    if held.empty:
        return 0
    _stage(conn, "held", held[["delivery_id", "reason"]].astype("str"))
    moved = conn.execute(
        """
        UPDATE ledger.delivery AS d
        SET state = 'held', state_reason = h.reason
        FROM staged_held AS h
        WHERE d.delivery_id = h.delivery_id::bigint
          AND (d.state, d.state_reason) IS DISTINCT FROM ('held', h.reason)
        """
    ).rowcount
    _open_holds(conn)
    return moved


def _open_holds(conn: psycopg.Connection) -> None:
    """Give every held delivery its open hold; a hold whose reason changed is closed and opened anew."""
    conn.execute(
        """
        UPDATE ledger.hold AS h
        SET state = 'released', closed_at = clock_timestamp(), closed_by = 'pipeline',
            closing_note = 'held for another reason now'
        FROM ledger.delivery AS d
        WHERE h.delivery_id = d.delivery_id
          AND h.state = 'open'
          AND d.state = 'held'
          AND h.reason IS DISTINCT FROM d.state_reason
        """
    )
    conn.execute(
        """
        INSERT INTO ledger.hold (kind, reason, delivery_id)
        SELECT 'delivery', d.state_reason, d.delivery_id
        FROM ledger.delivery AS d
        WHERE d.state = 'held'
          AND NOT EXISTS (
              SELECT FROM ledger.hold AS h WHERE h.delivery_id = d.delivery_id AND h.state = 'open'
          )
        ORDER BY d.delivery_id
        """
    )


def _close_holds(conn: psycopg.Connection, *, state: str, actor: str, note: str) -> None:
    """Close the open holds of deliveries that are no longer held."""
    conn.execute(
        """
        UPDATE ledger.hold AS h
        SET state = %s, closed_at = clock_timestamp(), closed_by = %s, closing_note = %s
        FROM ledger.delivery AS d
        WHERE h.delivery_id = d.delivery_id AND h.state = 'open' AND d.state <> 'held'
        """,
        [state, actor, note],
    )


def settle(conn: psycopg.Connection, settled: pd.DataFrame) -> int:
    """Move open deliveries to where the routing now puts them. Returns the number that changed.

    `settled`: delivery_id int64, recipient, channel ('' = none), state (`pending` or `held`), state_reason,
    action; all text. Nothing that may have left is touched, whatever the frame says.
    """
    if settled.empty:
        return 0
    _stage(conn, "settled", settled.astype("str"))
    moved = conn.execute(
        """
        UPDATE ledger.delivery AS d
        SET recipient = s.recipient, channel = nullif(s.channel, ''), state = s.state,
            state_reason = nullif(s.state_reason, ''), action = s.action, file_id = NULL
        FROM staged_settled AS s
        WHERE d.delivery_id = s.delivery_id::bigint
          AND d.left_at IS NULL
          AND d.state IN ('pending', 'held', 'claimed', 'failed')
        """
    ).rowcount
    _open_holds(conn)
    _close_holds(conn, state="released", actor="pipeline", note="what held it was mended")
    return moved


def withdraw(
    conn: psycopg.Connection,
    delivery_ids: Sequence[int],
    *,
    reason: str,
    actor: str = "pipeline",
    note: str = "",
) -> int:
    """Withdraw deliveries that have not left; those that may have left stay. Returns the number withdrawn."""
    if not len(delivery_ids):
        return 0
    moved = conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'withdrawn', state_reason = %s
        WHERE delivery_id = ANY(%s)
          AND left_at IS NULL
          AND state IN ('pending', 'held', 'claimed', 'failed')
        """,
        [reason, [int(each) for each in delivery_ids]],
    ).rowcount
    state = "rejected" if reason == WithdrawalReason.REJECTED else "released"
    _close_holds(conn, state=state, actor=actor, note=note or f"withdrawn: {reason}")
    return moved


def release(conn: psycopg.Connection, delivery_ids: Sequence[int], *, actor: str, note: str) -> int:
    """Let held deliveries go on: held → pending. Returns the number released."""
    moved = conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'pending', state_reason = NULL
        WHERE delivery_id = ANY(%s) AND state = 'held'
        """,
        [[int(each) for each in delivery_ids]],
    ).rowcount
    _close_holds(conn, state="released", actor=actor, note=note)
    return moved


def disclose(
    conn: psycopg.Connection,
    *,
    artefact: str,
    actor: str,
    file_id: int | None = None,
    batch_id: str | None = None,
    delivery_ids: Sequence[int] | None = None,
) -> int:
    """Write who was shown which student's record; belongs into the transaction that marks them as left.

    One row per delivery (34 CFR 99.32: per student and disclosure). Returns the number written.
    """
    condition, value = next(
        (condition, value)
        for condition, value in (
            ("d.file_id = %(value)s AND d.state <> 'withdrawn'", file_id),
            ("d.batch_id = %(value)s", batch_id),
            (
                "d.delivery_id = ANY(%(value)s)",
                [int(each) for each in delivery_ids] if delivery_ids is not None else None,
            ),
        )
        if value is not None
    )
    params: dict[str, Any] = {"artefact": artefact, "actor": actor, "value": value}
    return conn.execute(
        f"""
        INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                       artefact, actor)
        SELECT d.result_id, d.revision, v.candidate_id, d.recipient, d.channel,
               array_to_string(d.reasons, ' '), %(artefact)s, %(actor)s
        FROM ledger.delivery AS d
        JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
        WHERE {condition}
        ORDER BY d.delivery_id
        """,
        params,
    ).rowcount


def counts_by_state(conn: psycopg.Connection) -> dict[str, int]:
    """How many deliveries stand in each state; every state is named."""
    rows = conn.execute("SELECT state, count(*) FROM ledger.delivery GROUP BY state").fetchall()
    return {state.value: 0 for state in DeliveryState} | dict(rows)


def _stage(conn: psycopg.Connection, name: str, frame: pd.DataFrame) -> None:
    """Put a frame of texts beside the ledger for one statement (`staged_<name>`)."""
    columns = ", ".join(f"{column} text" for column in frame.columns)
    conn.execute(f"DROP TABLE IF EXISTS staged_{name}")
    conn.execute(f"CREATE TEMP TABLE staged_{name} ({columns}) ON COMMIT DROP")
    copy_frame(conn, frame, f"staged_{name}")
