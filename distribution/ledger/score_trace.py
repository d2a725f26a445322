"""The way of one result through the ledger: where it came from, where it went and why; no name, no score."""

from typing import Any

import psycopg
from psycopg.rows import dict_row


def revisions(conn: psycopg.Connection, result_id: str) -> list[dict[str, Any]]:
    """Its recorded revisions: revision, status, kind, academic_year, latest, withdrawn, feed, line,
    recorded_at.
    """
    return _rows(
        conn,
        """
        SELECT v.revision, v.status, v.kind, v.academic_year, v.latest, v.withdrawn,
               f.file_name AS feed, v.line, v.recorded_at
        FROM ledger.result_version AS v
        JOIN ledger.feed AS f USING (feed_id)
        WHERE v.result_id = %(result)s
        ORDER BY v.revision
        """,
        result_id,
    )


def held_rows(conn: psycopg.Connection, result_id: str) -> list[dict[str, Any]]:
    """Rows of it that were held: id, revision, feed, line, reason, column, state, since."""
    return _rows(
        conn,
        """
        SELECT h.hold_id AS id, h.revision, f.file_name AS feed, h.line, h.reason,
               coalesce(h.column_name, '') AS column, h.state, h.since
        FROM ledger.hold AS h
        JOIN ledger.feed AS f USING (feed_id)
        WHERE h.kind = 'row' AND h.feed_kind = 'results' AND h.row_key = %(result)s
        ORDER BY h.hold_id
        """,
        result_id,
    )


def deliveries(conn: psycopg.Connection, result_id: str) -> list[dict[str, Any]]:
    """Its deliveries: id, revision, recipient, designated, occasion, action, reasons, channel, state, reason,
    owed_on, run, batch, piece, file, left_at, delivered_at.
    """
    return _rows(
        conn,
        """
        SELECT d.delivery_id AS id, d.revision, d.recipient, d.designated, d.occasion, d.action, d.reasons,
               coalesce(d.channel, '') AS channel, d.state, coalesce(d.state_reason, '') AS reason, d.owed_on,
               d.owed_by_run AS run, d.batch_id AS batch, d.piece, f.name AS file, d.left_at, d.delivered_at
        FROM ledger.delivery AS d
        LEFT JOIN ledger.score_file AS f USING (file_id)
        WHERE d.result_id = %(result)s
        ORDER BY d.revision, d.delivery_id
        """,
        result_id,
    )


def stagings(conn: psycopg.Connection, result_id: str) -> list[dict[str, Any]]:
    """Where schools see it: delivery, school, academic_year, revision, shown, staged_at."""
    return _rows(
        conn,
        """
        SELECT delivery_id AS delivery, school_code AS school, academic_year, revision, shown, staged_at
        FROM portal.staged_score
        WHERE result_id = %(result)s
        ORDER BY delivery_id
        """,
        result_id,
    )


def receipts(conn: psycopg.Connection, result_id: str) -> list[dict[str, Any]]:
    """The receipts of its batches and files: channel, subject, event, records, sha256, received_at."""
    return _rows(
        conn,
        """
        WITH subjects AS (
            SELECT d.channel, coalesce(f.name, d.batch_id) AS subject
            FROM ledger.delivery AS d
            LEFT JOIN ledger.score_file AS f USING (file_id)
            WHERE d.result_id = %(result)s
        )
        SELECT r.channel, r.subject, r.event, r.records, r.sha256, r.received_at
        FROM ledger.receipt AS r
        WHERE (r.channel, r.subject) IN (SELECT channel, subject FROM subjects)
        ORDER BY r.received_at, r.receipt_id
        """,
        result_id,
    )


def note_access(conn: psycopg.Connection, result_id: str, *, actor: str, command: str) -> None:
    """Leave a row in the access log: who looked at which result, by which command."""
    conn.execute(
        "INSERT INTO ledger.access_log (actor, command, result_ids) VALUES (%s, %s, %s)",
        [actor, command, [result_id]],
    )


def _rows(conn: psycopg.Connection, query: str, result_id: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"result": result_id}).fetchall()
