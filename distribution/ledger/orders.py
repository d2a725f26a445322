"""Voucher orders in the ledger: status and quantity may change, the organisation may not."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import psycopg

from distribution.ledger.connection import copy_frame, read_frame
from distribution.ledger.feeds import Recorded

COLUMNS = ("order_id", "organization_code", "ordered_on", "quantity", "status")
_TYPES = {"ordered_on": "date", "quantity": "int"}


def record(conn: psycopg.Connection, rows: pd.DataFrame, *, feed_id: int) -> Recorded:
    """Record a feed's accepted rows, line after line.

    `rows`: `COLUMNS` (`str`), `line` (int64), `extra` (JSON text) where there is one.

    Held `bad-value`: a known order with another organisation or date.
    """
    _stage(conn, rows)
    conn.execute(
        """
        INSERT INTO ledger.voucher_order (order_id, organization_code, ordered_on, quantity, status, extra,
                                          feed_id, line)
        SELECT DISTINCT ON (order_id) order_id, organization_code, ordered_on, quantity, status, extra,
               %s, line
        FROM judged
        WHERE verdict IN ('new', 'corrected')
        ORDER BY order_id, line DESC
        ON CONFLICT (order_id) DO UPDATE
        SET quantity = excluded.quantity, status = excluded.status, extra = excluded.extra,
            feed_id = excluded.feed_id, line = excluded.line, recorded_at = clock_timestamp()
        """,
        [feed_id],
    )
    counts: dict[str, int] = dict(
        conn.execute("SELECT verdict, count(*) FROM judged GROUP BY verdict").fetchall()
    )
    held = read_frame(
        conn,
        """
        SELECT line, 'bad-value' AS reason, column_name
        FROM judged
        WHERE verdict = 'held'
        ORDER BY line
        """,
    )
    return Recorded(
        new=counts.get("new", 0),
        corrected=counts.get("corrected", 0),
        duplicate=counts.get("duplicate", 0),
        held=held.astype({"line": "int64"}),
    )


def _stage(conn: psycopg.Connection, rows: pd.DataFrame) -> None:
    """`judged`: each row with its verdict, compared with the line before or with what is on file."""
    conn.execute("DROP TABLE IF EXISTS arrived, judged")
    columns = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
    conn.execute(f"CREATE TEMP TABLE arrived (line int, {columns}, extra jsonb) ON COMMIT DROP")
    copy_frame(conn, rows[["line", *COLUMNS, *(["extra"] if "extra" in rows else [])]], "arrived")
    conn.execute(
        """
        CREATE TEMP TABLE judged ON COMMIT DROP AS
        WITH based AS (
            SELECT a.*, o.quantity AS file_quantity, o.status AS file_status,
                   coalesce(o.organization_code, first_value(a.organization_code) OVER lines) AS organization,
                   coalesce(o.ordered_on, first_value(a.ordered_on) OVER lines) AS ordered
            FROM arrived AS a
            LEFT JOIN ledger.voucher_order AS o USING (order_id)
            WINDOW lines AS (PARTITION BY a.order_id ORDER BY a.line)
        ), parted AS (
            SELECT *, CASE WHEN organization_code <> organization THEN 'organization_code'
                           WHEN ordered_on <> ordered THEN 'ordered_on' END AS column_name
            FROM based
        ), followed AS (
            SELECT *, coalesce(lag(quantity) OVER lines, file_quantity) AS quantity_before,
                   coalesce(lag(status) OVER lines, file_status) AS status_before
            FROM parted
            WINDOW lines AS (PARTITION BY order_id, column_name IS NULL ORDER BY line)
        )
        SELECT *, CASE WHEN column_name IS NOT NULL THEN 'held'
                       WHEN quantity_before IS NULL THEN 'new'
                       WHEN (quantity, status) = (quantity_before, status_before) THEN 'duplicate'
                       ELSE 'corrected' END AS verdict
        FROM followed
        """
    )


def known(conn: psycopg.Connection, order_ids: Sequence[str]) -> frozenset[str]:
    """Those of the orders that are on file."""
    rows = conn.execute(
        "SELECT order_id FROM ledger.voucher_order WHERE order_id = ANY(%s)", [list(order_ids)]
    ).fetchall()
    return frozenset(row[0] for row in rows)


def placed_between(conn: psycopg.Connection, first: date, last: date) -> pd.DataFrame:
    """The orders of these days that are not cancelled: `COLUMNS`, all `str`."""
    return read_frame(
        conn,
        """
        SELECT order_id, organization_code, ordered_on, quantity, status
        FROM ledger.voucher_order
        WHERE ordered_on BETWEEN %(first)s AND %(last)s AND status <> 'cancelled'
        ORDER BY order_id
        """,
        {"first": first, "last": last},
    )
