"""To whom an organisation's code goes: its primary contact on a day, and who has not used it yet."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution.model import CodeState, ContactRole


@dataclass(frozen=True, slots=True)
class OnFile:
    """An organisation as it is on a day; name and address of the primary contact may be empty."""

    code: str
    name: str
    is_active: bool
    time_zone: str
    contact_name: str
    contact_email: str


def organization(conn: psycopg.Connection, code: str, *, on: date) -> OnFile | None:
    """An organisation and its primary contact in force on a day; None where it is not on file."""
    with conn.cursor(row_factory=class_row(OnFile)) as cursor:
        return cursor.execute(
            """
            SELECT o.code, o.name, o.status = 'active' AS is_active, o.time_zone,
                   coalesce(c.name, '') AS contact_name, coalesce(c.email, '') AS contact_email
            FROM ledger.institution_version AS o
            LEFT JOIN LATERAL (
                SELECT name, email FROM ledger.contact AS p
                WHERE p.organization_code = o.code AND p.role = %(role)s
                  AND p.valid_from <= %(on)s AND (p.valid_to IS NULL OR p.valid_to >= %(on)s)
                ORDER BY p.valid_from DESC, p.contact_id DESC
                LIMIT 1) AS c ON true
            WHERE o.code = %(code)s AND o.valid_from <= %(on)s AND o.replaced_at IS NULL
            ORDER BY o.valid_from DESC
            LIMIT 1
            """,
            {"code": code, "on": on, "role": ContactRole.PRIMARY},
        ).fetchone()


def unused(conn: psycopg.Connection, *, year: int, on: date) -> list[dict[str, Any]]:
    """Codes of a year that were mailed and that nobody entered yet.

    Rows: organization_code, code_id, name, contact_name, contact_email (of the primary contact in force on
    `on`, '' where there is none), mailed_at, reminded (bool).
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT a.organization_code, a.code_id, a.mailed_at, coalesce(o.name, '') AS name,
                   coalesce(c.name, '') AS contact_name, coalesce(c.email, '') AS contact_email,
                   EXISTS (SELECT FROM ledger.mail AS m
                           WHERE m.code_id = a.code_id AND m.kind = 'access-code-reminder') AS reminded
            FROM ledger.access_code AS a
            LEFT JOIN LATERAL (
                SELECT name FROM ledger.institution_version AS v
                WHERE v.code = a.organization_code AND v.replaced_at IS NULL AND v.valid_from <= %(on)s
                ORDER BY v.valid_from DESC
                LIMIT 1) AS o ON true
            LEFT JOIN LATERAL (
                SELECT name, email FROM ledger.contact AS p
                WHERE p.organization_code = a.organization_code AND p.role = %(role)s
                  AND p.valid_from <= %(on)s AND (p.valid_to IS NULL OR p.valid_to >= %(on)s)
                ORDER BY p.valid_from DESC, p.contact_id DESC
                LIMIT 1) AS c ON true
            WHERE a.academic_year = %(year)s AND a.state = %(mailed)s
            ORDER BY a.organization_code COLLATE "C"
            """,
            {"year": year, "on": on, "role": ContactRole.PRIMARY, "mailed": CodeState.MAILED},
        ).fetchall()
