"""Scores that are confirmed as no student of a school: out of its reach with a reason, or back in view."""

import psycopg

from distribution.model import Action, MarkState, ResultStatus


def withdraw(conn: psycopg.Connection, school_code: str, result_id: str, *, reason: str) -> int:
    """Take every staged revision of a result from a school; the rows stay, for they were delivered.

    Needs the pipeline's role. Returns the number of rows.
    """
    return conn.execute(
        """
        UPDATE portal.staged_score
        SET shown = false, withdrawn_reason = %s
        WHERE school_code = %s AND result_id = %s
        """,
        [reason, school_code, result_id],
    ).rowcount


def restore(conn: psycopg.Connection, school_code: str, result_id: str) -> int:
    """Give a withdrawn result back: its newest revision is shown again. Returns the number of rows."""
    return conn.execute(
        """
        UPDATE portal.staged_score AS s
        SET withdrawn_reason = NULL,
            shown = (s.action <> %(cancellation)s OR s.status = %(cancelled)s)
                    AND NOT EXISTS (
                        SELECT FROM portal.staged_score AS newer
                        WHERE newer.school_code = s.school_code
                          AND newer.result_id = s.result_id
                          AND (newer.revision, newer.delivery_id) > (s.revision, s.delivery_id))
        WHERE s.school_code = %(school)s AND s.result_id = %(result)s AND s.withdrawn_reason IS NOT NULL
        """,
        {
            "school": school_code,
            "result": result_id,
            "cancellation": Action.CANCELLATION,
            "cancelled": ResultStatus.CANCELLED,
        },
    ).rowcount


def keep_withdrawn(conn: psycopg.Connection, delivery_ids: list[int]) -> int:
    """Of deliveries staged just now, withdraw those of results that are no student of their school."""
    return conn.execute(
        """
        UPDATE portal.staged_score AS s
        SET shown = false, withdrawn_reason = n.reason
        FROM ledger.delivery AS d
        JOIN portal.not_our_student AS n
          ON n.school_code = d.recipient AND n.result_id = d.result_id AND n.state = %s
        WHERE d.delivery_id = ANY(%s)
          AND s.school_code = d.recipient
          AND s.academic_year = d.academic_year
          AND s.delivery_id = d.delivery_id
        """,
        [MarkState.CONFIRMED, delivery_ids],
    ).rowcount
