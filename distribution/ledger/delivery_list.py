"""Deliveries as lists show them: ids, institutions and states, no student's record."""

from typing import Any

import psycopg
from psycopg.rows import dict_row


def deliveries(conn: psycopg.Connection, *, state: str | None = None) -> list[dict[str, Any]]:
    """Deliveries in one state or all, one by one, in the words that lists use.

    `detail` is the sentence that was kept with a failure; elsewhere it is empty.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT d.delivery_id AS id, d.result_id, d.revision, d.recipient,
                   coalesce(d.channel, '') AS channel, d.occasion, d.action, d.state,
                   coalesce(d.state_reason, '') AS reason,
                   CASE WHEN d.state IN ('failed', 'held') THEN coalesce(f.failure_detail, '') ELSE '' END
                       AS detail,
                   coalesce(f.name, '') AS file, coalesce(d.batch_id, '') AS batch, d.owed_on
            FROM ledger.delivery AS d
            LEFT JOIN ledger.score_file AS f USING (file_id)
            WHERE %(state)s::text IS NULL OR d.state = %(state)s
            ORDER BY d.recipient, d.delivery_id
            """,
            {"state": state},
        ).fetchall()


def by_recipient(conn: psycopg.Connection, *, state: str | None = None) -> list[dict[str, Any]]:
    """The same, counted: recipient, channel, state, reason, file or batch, count, since."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT d.recipient, coalesce(d.channel, '') AS channel, d.state,
                   coalesce(d.state_reason, '') AS reason,
                   coalesce(f.name, d.batch_id, '') AS carrier, count(*) AS count, min(d.owed_on) AS since
            FROM ledger.delivery AS d
            LEFT JOIN ledger.score_file AS f USING (file_id)
            WHERE %(state)s::text IS NULL OR d.state = %(state)s
            GROUP BY 1, 2, 3, 4, 5
            ORDER BY 1, 5, 3
            """,
            {"state": state},
        ).fetchall()


def failures(conn: psycopg.Connection, *, state: str | None = None) -> list[tuple[str, str]]:
    """Files that failed and carry deliveries in that state: their names, and the sentence that was kept."""
    return conn.execute(
        """
        SELECT f.name, f.failure_detail
        FROM ledger.score_file AS f
        WHERE f.failure_detail IS NOT NULL AND NOT f.test
          AND EXISTS (SELECT FROM ledger.delivery AS d
                      WHERE d.file_id = f.file_id AND d.state IN ('failed', 'held')
                        AND (%(state)s::text IS NULL OR d.state = %(state)s))
        ORDER BY f.di, f.sequence
        """,
        {"state": state},
    ).fetchall()


def newest_files(conn: psycopg.Connection, di: str, *, count: int) -> list[dict[str, Any]]:
    """The last live files of an institution, the newest first: name, kind, state, reason, detail, records,
    transliterated, attempts, created_at, last_attempt_at, delivered_at, collected_at,
    acknowledged_at."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT name, kind, state, coalesce(failure, '') AS reason, coalesce(failure_detail, '') AS detail,
                   details AS records, transliterated, attempt AS attempts, created_at,
                   last_attempt_at, delivered_at, collected_at, acknowledged_at
            FROM ledger.score_file
            WHERE di = %s AND NOT test
            ORDER BY sequence DESC
            LIMIT %s
            """,
            [di, count],
        ).fetchall()
