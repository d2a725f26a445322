"""What somebody has seen and exported in the portal: counts and times, never a student."""

from datetime import datetime

import psycopg


def last_before(
    conn: psycopg.Connection, *, person_id: int, organization_code: str, session_id: int
) -> datetime | None:
    """When a person last looked at an organisation's scores in another session; None for the first visit."""
    row = conn.execute(
        """
        SELECT max(last_at)
        FROM ledger.portal_visit
        WHERE person_id = %s AND organization_code = %s AND session_id <> %s
        """,
        [person_id, organization_code, session_id],
    ).fetchone()
    return row[0] if row else None


def note(
    conn: psycopg.Connection, *, person_id: int, organization_code: str, session_id: int, at: datetime
) -> None:
    """A person looks at an organisation's scores now."""
    conn.execute(
        """
        INSERT INTO ledger.portal_visit (person_id, organization_code, session_id, last_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id, organization_code, session_id) DO UPDATE SET last_at = EXCLUDED.last_at
        """,
        [person_id, organization_code, session_id, at],
    )


def note_export(
    conn: psycopg.Connection,
    *,
    person_id: int,
    organization_code: str,
    year: int,
    whole_year: bool,
    form: str,
    rows: int,
    at: datetime,
) -> None:
    """A person exported an organisation's scores."""
    conn.execute(
        """
        INSERT INTO ledger.portal_export (person_id, organization_code, academic_year, whole_year, form, rows,
                                          exported_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [person_id, organization_code, year, whole_year, form, rows, at],
    )


def last_export(
    conn: psycopg.Connection, *, person_id: int, organization_code: str, year: int
) -> datetime | None:
    """When a person last exported the whole of a year; None where he never did."""
    row = conn.execute(
        """
        SELECT max(exported_at)
        FROM ledger.portal_export
        WHERE person_id = %s AND organization_code = %s AND academic_year = %s AND whole_year
        """,
        [person_id, organization_code, year],
    ).fetchone()
    return row[0] if row else None
