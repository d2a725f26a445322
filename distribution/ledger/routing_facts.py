"""What the routing decides on: results that wait for it, their newest revisions, who got what."""

from datetime import date, datetime

import pandas as pd
import psycopg

from distribution.ledger.connection import read_frame

_CHUNK_TABLE = "chunk_of_results"


def note_changed_codes(conn: psycopg.Connection, *, after_version: int, after: date | None, on: date) -> int:
    """Queue the results that name a school whose master data changed; a school new on file gets its
    students' results this way.

    `after_version`: the newest master data before the last run; `after`: its date (None: no run yet).
    """
    return conn.execute(
        """
        WITH changed AS (
            SELECT DISTINCT code
            FROM ledger.institution_version
            WHERE valid_from <= %(on)s
              AND (institution_version_id > %(after_version)s OR valid_from > %(after)s::date)
              AND kind IN ('high_school', 'district')
        )
        INSERT INTO ledger.to_route (result_id)
        SELECT v.result_id FROM changed AS c
        JOIN ledger.result_version AS v ON v.attending_code = c.code AND v.attending_code <> ''
        WHERE v.latest
        UNION
        SELECT v.result_id FROM changed AS c
        JOIN ledger.voucher_order AS o ON o.organization_code = c.code
        JOIN ledger.result_version AS v ON v.voucher_order_id = o.order_id AND v.voucher_order_id <> ''
        WHERE v.latest
        """,
        {"after_version": after_version, "after": after, "on": on},
    ).rowcount


def note_open_work(conn: psycopg.Connection) -> None:
    """Queue the results of deliveries that have not left, and of transcript requests not yet routed."""
    conn.execute(
        """
        INSERT INTO ledger.to_route (result_id)
        SELECT DISTINCT result_id
        FROM ledger.delivery
        WHERE state IN ('pending', 'held', 'claimed', 'failed') AND left_at IS NULL
        UNION
        SELECT v.result_id
        FROM ledger.transcript_request AS t
        JOIN ledger.result_version AS v USING (candidate_id)
        WHERE t.routed_at IS NULL AND v.latest
        """
    )


def take_chunk(conn: psycopg.Connection, size: int) -> int:
    """Take up to `size` results from the queue for this transaction; the number taken."""
    _empty_chunk(conn)
    conn.execute(
        f"""
        INSERT INTO {_CHUNK_TABLE}
        SELECT DISTINCT result_id FROM ledger.to_route ORDER BY result_id LIMIT %s
        """,
        [size],
    )
    conn.execute(f"DELETE FROM ledger.to_route WHERE result_id IN (SELECT result_id FROM {_CHUNK_TABLE})")
    conn.execute(f"ANALYZE {_CHUNK_TABLE}")
    return _chunk_size(conn)


def chunk_after(conn: psycopg.Connection, last: str, size: int) -> str | None:
    """Make the next `size` results on file after `last` the chunk; its last id, or None when none is left."""
    _empty_chunk(conn)
    conn.execute(
        f"""
        INSERT INTO {_CHUNK_TABLE}
        SELECT result_id FROM ledger.result_version
        WHERE result_id COLLATE "C" > %s AND NOT withdrawn
        GROUP BY result_id
        ORDER BY result_id COLLATE "C" LIMIT %s
        """,
        [last, size],
    )
    conn.execute(f"ANALYZE {_CHUNK_TABLE}")
    row = conn.execute(f'SELECT max(result_id COLLATE "C") FROM {_CHUNK_TABLE}').fetchone()
    return row[0] if row else None


def _empty_chunk(conn: psycopg.Connection) -> None:
    conn.execute(f"DROP TABLE IF EXISTS {_CHUNK_TABLE}")
    conn.execute(f'CREATE TEMP TABLE {_CHUNK_TABLE} (result_id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP')


def _chunk_size(conn: psycopg.Connection) -> int:
    row = conn.execute(f"SELECT count(*) FROM {_CHUNK_TABLE}").fetchone()
    return row[0] if row else 0


def newest_versions(conn: psycopg.Connection) -> pd.DataFrame:
    """The newest revision of each result of the chunk, as `routing.rules.owed` wants it."""
    frame = read_frame(
        conn,
        f"""
        WITH newest AS (
            SELECT DISTINCT ON (v.result_id) v.*,
                   min(v.recorded_at) OVER (PARTITION BY v.result_id) AS first_recorded_at
            FROM ledger.result_version AS v
            JOIN {_CHUNK_TABLE} AS c ON c.result_id = v.result_id
            WHERE NOT v.withdrawn
            ORDER BY v.result_id, v.revision DESC
        )
        SELECT result_id, revision, academic_year, status, candidate_id, test_date, funding, voucher_order_id,
               attending_code, recipient_1, recipient_2, history, first_recorded_at
        FROM newest
        """,
    )
    return frame.astype({"revision": "int64"})


def got(conn: psycopg.Connection) -> pd.DataFrame:
    """What may have left of the chunk's results: result_id, revision int64, recipient, occasion, action."""
    frame = read_frame(
        conn,
        f"""
        SELECT d.result_id, d.revision, d.recipient, d.occasion, d.action
        FROM ledger.delivery AS d
        JOIN {_CHUNK_TABLE} AS c ON c.result_id = d.result_id
        WHERE d.left_at IS NOT NULL AND d.occasion NOT LIKE 'resend:%'
        """,
    )
    return frame.astype({"revision": "int64"})


def on_file(conn: psycopg.Connection) -> pd.DataFrame:
    """The chunk's deliveries of every state: delivery_id, revision int64; left true|false, held_since."""
    frame = read_frame(
        conn,
        f"""
        SELECT d.delivery_id, d.result_id, d.revision, d.recipient, d.designated, d.occasion, d.action,
               d.channel, d.state, d.state_reason, (d.left_at IS NOT NULL)::text AS left,
               h.since AS held_since
        FROM ledger.delivery AS d
        JOIN {_CHUNK_TABLE} AS c ON c.result_id = d.result_id
        LEFT JOIN ledger.hold AS h ON h.delivery_id = d.delivery_id AND h.state = 'open'
        WHERE d.occasion NOT LIKE 'resend:%'
        """,
    )
    return frame.astype({"delivery_id": "int64", "revision": "int64"})


def asked_again(conn: psycopg.Connection) -> pd.DataFrame:
    """The chunk's deliveries that a person asked for once more and that have not left.

    Columns: delivery_id, result_id, revision int64, recipient, action, state, state_reason, held_since,
    file_kind ('' = in no file); text but for the numbers.
    """
    frame = read_frame(
        conn,
        f"""
        SELECT d.delivery_id, d.result_id, d.revision, d.recipient, d.action, d.state, d.state_reason,
               h.since AS held_since, f.kind AS file_kind
        FROM ledger.delivery AS d
        JOIN {_CHUNK_TABLE} AS c ON c.result_id = d.result_id
        LEFT JOIN ledger.hold AS h ON h.delivery_id = d.delivery_id AND h.state = 'open'
        LEFT JOIN ledger.score_file AS f ON f.file_id = d.file_id
        WHERE d.occasion LIKE 'resend:%'
          AND d.left_at IS NULL
          AND d.state IN ('pending', 'held', 'claimed', 'failed')
        """,
    )
    return frame.astype({"delivery_id": "int64", "revision": "int64"})


def orders(conn: psycopg.Connection) -> pd.DataFrame:
    """The organisation of each order that the chunk's results name: order_id, organization_code."""
    return read_frame(
        conn,
        f"""
        SELECT o.order_id, o.organization_code
        FROM ledger.voucher_order AS o
        WHERE EXISTS (
            SELECT FROM ledger.result_version AS v
            JOIN {_CHUNK_TABLE} AS c ON c.result_id = v.result_id
            WHERE v.voucher_order_id = o.order_id
        )
        """,
    )


def requests(conn: psycopg.Connection) -> pd.DataFrame:
    """The transcript requests of the chunk's candidates, as `routing.rules.MasterData` wants them."""
    return read_frame(
        conn,
        f"""
        SELECT t.request_id, t.candidate_id, t.recipient, t.requested_on, t.routed_at
        FROM ledger.transcript_request AS t
        WHERE t.candidate_id IN (
            SELECT v.candidate_id
            FROM ledger.result_version AS v
            JOIN {_CHUNK_TABLE} AS c ON c.result_id = v.result_id
        )
        """,
    )


def moment(conn: psycopg.Connection) -> datetime:
    """The ledger's clock: what it records from now on is later."""
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


def mark_requests_routed(conn: psycopg.Connection, *, at: datetime) -> int:
    """Close the circle of results that open requests ask for: those first recorded up to `at` (`moment`)."""
    return conn.execute(
        "UPDATE ledger.transcript_request SET routed_at = %s WHERE routed_at IS NULL", [at]
    ).rowcount


def changes_of_institutions(conn: psycopg.Connection) -> pd.DataFrame:
    """When each institution's address, method or endpoint last changed: code, changed_at."""
    return read_frame(
        conn,
        """
        SELECT code, max(changed_at) AS changed_at
        FROM (
            SELECT code, greatest(recorded_at, valid_from::timestamptz) AS changed_at
            FROM ledger.institution_version
            UNION ALL
            SELECT code, greatest(loaded_at, confirmed_at) FROM ledger.endpoint_version
            UNION ALL
            SELECT code, greatest(begun_at, ended_at) FROM ledger.paper_fallback
        ) AS change
        GROUP BY code
        """,
    )


def unknown_attending_codes(conn: psycopg.Connection, *, on: date) -> tuple[int, int]:
    """Codes that students named as their school and that are not on file, and the results that name them."""
    row = conn.execute(
        """
        SELECT count(DISTINCT v.attending_code), count(*)
        FROM ledger.result_version AS v
        WHERE v.latest
          AND v.attending_code <> ''
          AND NOT EXISTS (
              SELECT FROM ledger.institution_version AS i
              WHERE i.code = v.attending_code AND i.valid_from <= %s AND i.replaced_at IS NULL
          )
        """,
        [on],
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)
