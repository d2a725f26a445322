"""Transcript requests in the ledger: their content never changes."""

import pandas as pd
import psycopg

from distribution.ledger.connection import copy_frame, read_frame
from distribution.ledger.feeds import Recorded

COLUMNS = ("request_id", "candidate_id", "recipient", "requested_on")


def record(conn: psycopg.Connection, rows: pd.DataFrame, *, feed_id: int) -> Recorded:
    """Record a feed's accepted rows.

    `rows`: `COLUMNS` (`str`), `line` (int64), `extra` (JSON text) where there is one.

    Held `bad-value`: a known request with other content.
    """
    _stage(conn, rows)
    new = conn.execute(
        """
        INSERT INTO ledger.transcript_request (request_id, candidate_id, recipient, requested_on, extra,
                                               feed_id, line)
        SELECT request_id, candidate_id, recipient, requested_on, extra, %s, line
        FROM judged
        WHERE verdict = 'new'
        ORDER BY line
        """,
        [feed_id],
    ).rowcount
    row = conn.execute("SELECT count(*) FROM judged WHERE verdict = 'duplicate'").fetchone()
    held = read_frame(
        conn,
        """
        SELECT line, 'bad-value' AS reason, column_name
        FROM judged
        WHERE verdict = 'held'
        ORDER BY line
        """,
    )
    return Recorded(new=new, corrected=0, duplicate=row[0] if row else 0, held=held.astype({"line": "int64"}))


def _stage(conn: psycopg.Connection, rows: pd.DataFrame) -> None:
    """`judged`: each row with its verdict against what is on file, or the request's first line."""
    conn.execute("DROP TABLE IF EXISTS arrived, judged")
    conn.execute(
        """
        CREATE TEMP TABLE arrived (line int, request_id text, candidate_id text, recipient text,
                                   requested_on date, extra jsonb) ON COMMIT DROP
        """
    )
    copy_frame(conn, rows[["line", *COLUMNS, *(["extra"] if "extra" in rows else [])]], "arrived")
    conn.execute(
        """
        CREATE TEMP TABLE judged ON COMMIT DROP AS
        SELECT *, CASE WHEN column_name IS NOT NULL THEN 'held'
                       WHEN on_file OR place > 1 THEN 'duplicate'
                       ELSE 'new' END AS verdict
        FROM (
            SELECT a.*, t.request_id IS NOT NULL AS on_file, row_number() OVER lines AS place,
                   CASE WHEN coalesce(t.candidate_id, first_value(a.candidate_id) OVER lines)
                             <> a.candidate_id
                        THEN 'candidate_id'
                        WHEN coalesce(t.recipient, first_value(a.recipient) OVER lines) <> a.recipient
                        THEN 'recipient'
                        WHEN coalesce(t.requested_on, first_value(a.requested_on) OVER lines)
                             <> a.requested_on
                        THEN 'requested_on' END AS column_name
            FROM arrived AS a
            LEFT JOIN ledger.transcript_request AS t USING (request_id)
            WINDOW lines AS (PARTITION BY a.request_id ORDER BY a.line)
        ) AS compared
        """
    )


def waiting(conn: psycopg.Connection) -> pd.DataFrame:
    """Requests that no routing has looked at: request_id, candidate_id, recipient, requested_on (`str`)."""
    return read_frame(
        conn,
        """
        SELECT request_id, candidate_id, recipient, requested_on
        FROM ledger.transcript_request
        WHERE routed_at IS NULL
        ORDER BY request_id
        """,
    )
