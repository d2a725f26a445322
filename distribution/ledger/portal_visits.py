"""What somebody has seen and exported in the portal: counts and times, never a student."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Before:
    """When a person last looked in another session, and last exported the whole year; None = never.

    `here_at`: the last look in this session.
    """

    here_at: datetime | None = None
    visited_at: datetime | None = None
    exported_at: datetime | None = None


def before(
    conn: psycopg.Connection, *, person_id: int, organization_code: str, session_id: int, year: int
) -> Before:
    """The last visit before this session and the last export of the year, of an organisation's scores."""
    with conn.cursor(row_factory=class_row(Before)) as cursor:
        found = cursor.execute(
            """
            SELECT max(last_at) FILTER (WHERE session_id = %(session)s) AS here_at,
                   max(last_at) FILTER (WHERE session_id <> %(session)s) AS visited_at,
                   (SELECT max(exported_at)
                    FROM ledger.portal_export
                    WHERE person_id = %(person)s
                      AND organization_code = %(code)s
                      AND academic_year = %(year)s
                      AND whole_year) AS exported_at
            FROM ledger.portal_visit
            WHERE person_id = %(person)s AND organization_code = %(code)s
            """,
            {"person": person_id, "code": organization_code, "session": session_id, "year": year},
        ).fetchone()
    return found or Before()


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
