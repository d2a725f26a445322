"""Rows and deliveries that wait for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from distribution.ledger.connection import copy_frame
from distribution.model import FeedKind, HoldKind, HoldState

COLUMNS = ("line", "reason", "column_name", "row_key", "revision", "cells")
# What a recorded row of each feed mends: its key, and for results its revision and any lower one.
_RECORDED = {
    FeedKind.RESULTS: (
        "ledger.result_version AS r WHERE r.result_id = h.row_key AND r.revision >= coalesce(h.revision, 0)"
    ),
    FeedKind.INSTITUTIONS: "ledger.institution_version AS r WHERE r.code = h.row_key",
    FeedKind.CONTACTS: (
        "ledger.contact AS r WHERE r.organization_code = h.row_key AND r.role = h.cells->>'role'"
    ),
    FeedKind.VOUCHER_ORDERS: "ledger.voucher_order AS r WHERE r.order_id = h.row_key",
    FeedKind.TRANSCRIPT_REQUESTS: "ledger.transcript_request AS r WHERE r.request_id = h.row_key",
}


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold; `line`, `feed_file` and `cells` of rows only, `delivery_id` of deliveries only."""

    hold_id: int
    kind: HoldKind
    reason: str
    column_name: str | None
    state: HoldState
    since: datetime
    feed_id: int | None
    feed_file: str | None
    feed_kind: FeedKind | None
    history: bool
    line: int | None
    row_key: str | None
    cells: dict[str, str] | None
    delivery_id: int | None


def record_rows(conn: psycopg.Connection, held: pd.DataFrame, *, feed_id: int, kind: FeedKind) -> int:
    """Hold rows of a feed; one that already waits for the same reason (in any feed) is not held twice.

    `held`: `COLUMNS`, `line` int64, the others `str`; `cells` is the row as it came, as JSON. Returns the
    number held; the rest are duplicates of rows that wait.
    """
    if held.empty:
        return 0
    conn.execute("DROP TABLE IF EXISTS held_rows")
    conn.execute(
        """
        CREATE TEMP TABLE held_rows (line int, reason text, column_name text, row_key text, revision text,
                                     cells jsonb) ON COMMIT DROP
        """
    )
    copy_frame(conn, held, "held_rows", columns=COLUMNS)
    return conn.execute(
        """
        INSERT INTO ledger.hold (kind, reason, column_name, feed_id, feed_kind, line, row_key, revision,
                                 cells)
        SELECT 'row', r.reason, nullif(r.column_name, ''), %(feed)s, %(kind)s, r.line, r.row_key,
               nullif(r.revision, '')::int, r.cells
        FROM (
            SELECT DISTINCT ON (reason, row_key, cells) *
            FROM held_rows
            ORDER BY reason, row_key, cells, line
        ) AS r
        WHERE NOT EXISTS (
            SELECT FROM ledger.hold AS h
            WHERE h.state = 'open' AND h.kind = 'row' AND h.feed_kind = %(kind)s AND h.row_key = r.row_key
              AND h.reason = r.reason AND h.cells = r.cells)
        ORDER BY r.line
        """,
        {"feed": feed_id, "kind": str(kind)},
    ).rowcount


def lines_of(conn: psycopg.Connection, feed_id: int) -> list[tuple[int, str, str]]:
    """Line, reason and column of each row held with a feed."""
    return conn.execute(
        """
        SELECT line, reason, coalesce(column_name, '')
        FROM ledger.hold
        WHERE feed_id = %s AND kind = 'row'
        ORDER BY line
        """,
        [feed_id],
    ).fetchall()


def close_mended(conn: psycopg.Connection, *, feed_id: int, kind: FeedKind) -> int:
    """Close the open holds that rows recorded with this feed mend. Returns how many."""
    return conn.execute(
        f"""
        UPDATE ledger.hold AS h
        SET state = 'corrected', closed_at = clock_timestamp(), closed_by = 'pipeline',
            closing_note = 'a mended row was recorded'
        WHERE h.state = 'open' AND h.kind = 'row' AND h.feed_kind = %(kind)s
          AND EXISTS (
              SELECT FROM {_RECORDED[kind]}
              AND r.feed_id = %(feed)s
              AND (h.feed_id <> %(feed)s OR h.line < r.line))
        """,
        {"kind": str(kind), "feed": feed_id},
    ).rowcount


_SELECT = """
    SELECT h.hold_id, h.kind, h.reason, h.column_name, h.state, h.since, h.feed_id, f.file_name AS feed_file,
           h.feed_kind, coalesce(f.history, false) AS history, h.line, h.row_key, h.cells, h.delivery_id
    FROM ledger.hold AS h
    LEFT JOIN ledger.feed AS f USING (feed_id)
"""


def every(conn: psycopg.Connection, *, state: HoldState | None = None) -> list[Hold]:
    """All holds, or those in a state, oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            _SELECT + " WHERE %(state)s::text IS NULL OR h.state = %(state)s ORDER BY h.hold_id",
            {"state": str(state) if state else None},
        )
        return [_hold(row) for row in cursor]


def find(conn: psycopg.Connection, hold_id: int, *, lock: bool = False) -> Hold | None:
    """One hold; `lock` keeps others from settling it until the transaction ends."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_SELECT + " WHERE h.hold_id = %s" + (" FOR UPDATE OF h" if lock else ""), [hold_id])
        row = cursor.fetchone()
    return _hold(row) if row else None


def _hold(row: dict[str, Any]) -> Hold:
    return Hold(
        **{
            **row,
            "kind": HoldKind(row["kind"]),
            "state": HoldState(row["state"]),
            "feed_kind": FeedKind(row["feed_kind"]) if row["feed_kind"] else None,
        }
    )


def close(conn: psycopg.Connection, hold_id: int, *, state: HoldState, actor: str, note: str) -> None:
    """Close an open hold by a person's word."""
    conn.execute(
        """
        UPDATE ledger.hold
        SET state = %s, closed_at = clock_timestamp(), closed_by = %s, closing_note = %s
        WHERE hold_id = %s AND state = 'open'
        """,
        [str(state), actor, note, hold_id],
    )


def result_ids_of(conn: psycopg.Connection, hold: Hold) -> Sequence[str]:
    """The results whose students a hold is about."""
    if hold.kind is HoldKind.ROW:
        return [hold.row_key] if hold.feed_kind is FeedKind.RESULTS and hold.row_key else []
    rows = conn.execute(
        "SELECT result_id FROM ledger.delivery WHERE delivery_id = %s", [hold.delivery_id]
    ).fetchall()
    return [row[0] for row in rows]


def note_access(conn: psycopg.Connection, *, actor: str, command: str, result_ids: Sequence[str]) -> None:
    """Note that a command showed or changed students' records."""
    if result_ids:
        conn.execute(
            "INSERT INTO ledger.access_log (actor, command, result_ids) VALUES (%s, %s, %s)",
            [actor, command, list(result_ids)],
        )
