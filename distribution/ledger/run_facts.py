"""What a run's report and the morning's reconciliation read: counts, codes and names, no student's record."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.ledger.runs import Run

_SEEN = "(f.counted_by_run = ANY(%(runs)s) OR (%(uncounted)s AND f.counted_by_run IS NULL))"
_INSTITUTION = """
WITH institution AS (
    SELECT DISTINCT ON (code) code, name
    FROM ledger.institution_version
    WHERE replaced_at IS NULL AND valid_from <= %(on)s
    ORDER BY code, valid_from DESC
)
"""


@dataclass(frozen=True, slots=True)
class Window:
    """The feeds that are looked at: those that these runs counted, and those that no run has counted yet."""

    runs: tuple[str, ...]
    uncounted: bool


def speak_in(conn: psycopg.Connection, zone: str) -> None:
    """Give the times and days of this transaction in the zone of the business day."""
    conn.execute("SELECT set_config('TimeZone', %s, true)", [zone])


def window(run: Run) -> Window:
    """The feeds of a run; while it has not finished, those that no run has counted."""
    return Window(runs=(run.run_id,), uncounted=run.state == "running")


def later_run(conn: psycopg.Connection, run: Run) -> str:
    """The newest run of the same kind that began after this one; empty where there is none."""
    rows = _rows(
        conn,
        """
        SELECT run_id
        FROM ledger.run
        WHERE kind = %(kind)s AND (started_at, run_id) > (%(started)s, %(run)s)
        ORDER BY started_at DESC, run_id DESC
        LIMIT 1
        """,
        {"kind": run.kind, "started": run.started_at, "run": run.run_id},
    )
    return rows[0]["run_id"] if rows else ""


def feeds(conn: psycopg.Connection, seen: Window) -> list[dict[str, Any]]:
    """The feeds of the window: file, feed, state, code, records, new, corrected, duplicate, held."""
    return _rows(
        conn,
        f"""
        SELECT file_name AS file, coalesce(kind, '') AS feed, state, coalesce(code, '') AS code,
               coalesce(records, 0) AS records, new, corrected, duplicate, held
        FROM ledger.feed AS f
        WHERE {_SEEN} AND state <> 'arriving'
        ORDER BY (state = 'refused') DESC, feed_id
        """,
        _params(seen),
    )


def feed_gaps(conn: psycopg.Connection, seen: Window) -> list[dict[str, Any]]:
    """For each feed and day of the window, the numbers that have not come: feed, day, missing."""
    return _rows(
        conn,
        f"""
        WITH touched AS (
            SELECT DISTINCT kind, feed_date
            FROM ledger.feed AS f
            WHERE {_SEEN} AND kind IS NOT NULL AND feed_date IS NOT NULL
        ), arrived AS (
            SELECT kind, feed_date, number, parts
            FROM ledger.feed JOIN touched USING (kind, feed_date)
            WHERE state IN ('recorded', 'duplicate', 'withdrawn')
        ), expected AS (
            SELECT kind, feed_date, generate_series(1, max(greatest(number, coalesce(parts, 0)))) AS number
            FROM arrived
            GROUP BY kind, feed_date
        )
        SELECT kind AS feed, feed_date AS day, array_agg(number ORDER BY number) AS missing
        FROM (SELECT kind, feed_date, number FROM expected
              EXCEPT SELECT kind, feed_date, number FROM arrived) AS gap
        GROUP BY kind, feed_date
        ORDER BY feed_date, kind
        """,
        _params(seen),
    )


def held_rows(conn: psycopg.Connection, seen: Window, *, limit: int) -> list[dict[str, Any]]:
    """The first held rows of the window: feed_file, line, reason, column."""
    return _rows(
        conn,
        f"""
        SELECT f.file_name AS feed_file, coalesce(h.line, 0) AS line, h.reason,
               coalesce(h.column_name, '') AS column
        FROM ledger.hold AS h
        JOIN ledger.feed AS f USING (feed_id)
        WHERE h.kind = 'row' AND {_SEEN}
        ORDER BY h.reason, f.feed_id, h.line, h.hold_id
        LIMIT %(limit)s
        """,
        {**_params(seen), "limit": limit},
    )


def held_row_reasons(conn: psycopg.Connection, seen: Window) -> list[dict[str, Any]]:
    """How many rows of the window were held for each reason: kind, reason, count, since."""
    return _rows(
        conn,
        f"""
        SELECT 'row' AS kind, h.reason, count(*) AS count, min(h.since)::date AS since
        FROM ledger.hold AS h
        JOIN ledger.feed AS f USING (feed_id)
        WHERE h.kind = 'row' AND {_SEEN}
        GROUP BY h.reason
        ORDER BY count(*) DESC, h.reason
        """,
        _params(seen),
    )


def open_hold_reasons(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """All open holds by kind and reason: kind, reason, count, since."""
    return _rows(
        conn,
        """
        SELECT kind, reason, count(*) AS count, min(since)::date AS since
        FROM ledger.hold
        WHERE state = 'open'
        GROUP BY kind, reason
        ORDER BY kind, count(*) DESC, reason
        """,
        {},
    )


def held_deliveries(conn: psycopg.Connection, on: date) -> list[dict[str, Any]]:
    """Held deliveries by recipient and reason: code, name, reason, count, since."""
    return _rows(
        conn,
        _INSTITUTION
        + """
        SELECT d.recipient AS code, coalesce(max(i.name), '') AS name, coalesce(d.state_reason, '') AS reason,
               count(*) AS count, min(coalesce(h.since::date, d.owed_on)) AS since
        FROM ledger.delivery AS d
        LEFT JOIN ledger.hold AS h ON h.delivery_id = d.delivery_id AND h.state = 'open'
        LEFT JOIN institution AS i ON i.code = d.recipient
        WHERE d.state = 'held'
        GROUP BY d.recipient, coalesce(d.state_reason, '')
        ORDER BY count(*) DESC, d.recipient
        """,
        {"on": on},
    )


def open_files(conn: psycopg.Connection, on: date) -> list[dict[str, Any]]:
    """Files that have not arrived: file, code, name, scores, state, failure, since, detail; in order per
    institution.

    A file that waits for an earlier one of the same institution says `behind-another-file`.
    """
    return _rows(
        conn,
        _INSTITUTION
        + """
        SELECT f.name AS file, f.di AS code, coalesce(i.name, '') AS name, f.details AS scores, f.state,
               coalesce(f.failure, CASE WHEN lag(f.file_id) OVER (PARTITION BY f.di ORDER BY f.sequence)
                                             IS NOT NULL THEN 'behind-another-file' END, '') AS failure,
               f.business_date AS since, coalesce(f.failure_detail, '') AS detail
        FROM ledger.score_file AS f
        LEFT JOIN institution AS i ON i.code = f.di
        WHERE f.state IN ('built', 'publishing', 'failed') AND NOT f.test
        ORDER BY (f.state = 'failed') DESC, f.business_date, f.di, f.sequence
        """,
        {"on": on},
    )


def waiting_deliveries(conn: psycopg.Connection, on: date) -> list[dict[str, Any]]:
    """Deliveries that stand in no open file or batch: code, name, channel, state, reason, count, since."""
    return _rows(
        conn,
        _INSTITUTION
        + """
        SELECT d.recipient AS code, coalesce(max(i.name), '') AS name, coalesce(d.channel, '') AS channel,
               d.state, coalesce(d.state_reason, '') AS reason, count(*) AS count,
               min(coalesce(p.returned_at::date, d.owed_on)) AS since
        FROM ledger.delivery AS d
        LEFT JOIN ledger.piece AS p ON d.state = 'returned' AND (p.batch_id, p.piece) = (d.batch_id, d.piece)
        LEFT JOIN institution AS i ON i.code = d.recipient
        WHERE d.state IN ('pending', 'returned')
           OR (d.state IN ('failed', 'claimed') AND d.file_id IS NULL AND d.batch_id IS NULL)
        GROUP BY d.recipient, d.channel, d.state, coalesce(d.state_reason, '')
        ORDER BY since, d.recipient, d.channel
        """,
        {"on": on},
    )


def batches(conn: psycopg.Connection, *, run_id: str | None = None) -> list[dict[str, Any]]:
    """The batches of a run, or without one all that are not mailed yet.

    batch, stock, pieces, sheets, scores, state, business_date, spoiled (the pieces to be printed again).
    """
    return _rows(
        conn,
        """
        SELECT b.batch_id AS batch, b.stock, b.pieces, b.sheets, b.state, b.business_date,
               (SELECT coalesce(sum(p.reports), 0)::int FROM ledger.piece AS p WHERE p.batch_id = b.batch_id)
                   AS scores,
               (SELECT coalesce(string_agg(to_char(p.piece, 'FM0000'), ' ' ORDER BY p.piece), '')
                FROM ledger.piece AS p WHERE p.batch_id = b.batch_id AND p.state = 'spoiled') AS spoiled
        FROM ledger.batch AS b
        WHERE CASE WHEN %(run)s::text IS NULL THEN b.state <> 'mailed' ELSE b.run_id = %(run)s END
        ORDER BY b.business_date, length(b.batch_id), b.batch_id
        """,
        {"run": run_id},
    )


def files(conn: psycopg.Connection, run_id: str, on: date) -> list[dict[str, Any]]:
    """The files that a run built: file, code, name, kind, scores, size_bytes, state, transliterated."""
    return _rows(
        conn,
        _INSTITUTION
        + """
        SELECT f.name AS file, f.di AS code, coalesce(i.name, '') AS name, f.kind, f.details AS scores,
               coalesce(f.size_bytes, 0) AS size_bytes, f.state, f.transliterated
        FROM ledger.score_file AS f
        LEFT JOIN institution AS i ON i.code = f.di
        WHERE f.run_id = %(run)s AND NOT f.test
        ORDER BY f.di, f.sequence
        """,
        {"run": run_id, "on": on},
    )


def unknown_attending(conn: psycopg.Connection, seen: Window) -> tuple[int, int]:
    """How many revisions of the window name a school that is not on file, and how many codes those are."""
    row = conn.execute(
        f"""
        SELECT count(*), count(DISTINCT attending_code)
        FROM ledger.result_version AS v
        JOIN ledger.feed AS f USING (feed_id)
        WHERE {_SEEN} AND v.attending_code <> ''
          AND NOT EXISTS (SELECT FROM ledger.institution_version AS i WHERE i.code = v.attending_code)
        """,
        _params(seen),
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _params(seen: Window) -> dict[str, Any]:
    return {"runs": list(seen.runs), "uncounted": seen.uncounted}


def _rows(conn: psycopg.Connection, query: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()
