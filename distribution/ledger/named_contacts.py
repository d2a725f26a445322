"""Contacts that no feed brought: alternates named by a coordinator, coordinators confirmed by operations."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution.ledger.holders import HOLDERS
from distribution.model import NamingEnd, PortalRole


@dataclass(frozen=True, slots=True)
class NamedContact:
    """A contact that no feed brought, and in whose word it stands."""

    organization_code: str
    role: str
    name: str
    email: str
    valid_from: date
    named_by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UntoldContact:
    """A named contact whom no mail has told yet."""

    named_contact_id: int
    organization_code: str
    organization: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class EndedContact:
    """A named contact that is one no more, and why."""

    named_contact_id: int
    role: str
    name: str
    email: str
    ended_at: datetime
    ended_because: str


def name_contact(conn: psycopg.Connection, named: NamedContact, *, at: datetime) -> None:
    """Name a contact in the place of the one that was named for this role before.

    An alternate stands beside those whom feeds have brought so far; a coordinator beside none.
    """
    conn.execute(
        """
        UPDATE portal.named_contact SET ended_at = %s, ended_because = %s, ended_by = %s
        WHERE organization_code = %s AND role = %s AND ended_at IS NULL
        """,
        [at, NamingEnd.ANOTHER_NAMED, named.named_by, named.organization_code, named.role],
    )
    conn.execute(
        """
        INSERT INTO portal.named_contact (organization_code, role, name, email, valid_from, named_by, reason,
                                          named_at, beside_contact_id)
        SELECT %(code)s, %(role)s, %(name)s, %(email)s, %(valid_from)s, %(by)s, %(reason)s, %(at)s,
               coalesce(max(contact_id), 0)
        FROM ledger.contact
        WHERE organization_code = %(code)s AND %(role)s = %(alternate)s
        """,
        {
            "code": named.organization_code,
            "role": named.role,
            "name": named.name,
            "email": named.email,
            "valid_from": named.valid_from,
            "by": named.named_by,
            "reason": named.reason,
            "at": at,
            "alternate": PortalRole.ALTERNATE,
        },
    )


def end(
    conn: psycopg.Connection,
    named_contact_id: int,
    *,
    organization_code: str,
    role: str,
    because: NamingEnd,
    by: str,
    at: datetime,
    reason: str = "",
) -> bool:
    """End a named contact of an organisation; False where there is none of that id and role in force."""
    return bool(
        conn.execute(
            """
            UPDATE portal.named_contact
            SET ended_at = %s, ended_because = %s, ended_by = %s, end_reason = %s
            WHERE named_contact_id = %s AND organization_code = %s AND role = %s AND ended_at IS NULL
            """,
            [at, because, by, reason, named_contact_id, organization_code, role],
        ).rowcount
    )


def end_unfounded(conn: psycopg.Connection, *, on: date, at: datetime) -> int:
    """Note the end of those who are holders no more (`holders.HOLDERS`), for good. Returns how many.

    So nobody comes back by himself when the coordinator does, or when a feed takes its contact away again.
    """
    named = conn.execute(
        "SELECT array_agg(DISTINCT organization_code) FROM portal.named_contact WHERE ended_at IS NULL"
    ).fetchone()
    return conn.execute(
        f"""
        WITH holder AS ({HOLDERS})
        UPDATE portal.named_contact AS n
        SET ended_at = %(at)s,
            ended_because = CASE
                WHEN n.role = 'coordinator'
                  OR EXISTS (SELECT FROM holder AS h
                             JOIN portal.binding AS b USING (organization_code, email)
                             WHERE h.organization_code = n.organization_code AND h.role = 'coordinator'
                               AND b.ended_at IS NULL AND n.named_by = 'person:' || b.person_id)
                THEN %(feed)s ELSE %(left)s END
        WHERE n.ended_at IS NULL AND n.valid_from <= %(on)s
          AND NOT EXISTS (SELECT FROM holder AS h WHERE h.named_contact_id = n.named_contact_id)
        """,
        {
            "codes": (named and named[0]) or [],
            "on": on,
            "at": at,
            "feed": NamingEnd.FEED,
            "left": NamingEnd.NAMER_LEFT,
        },
    ).rowcount


def ended_since(conn: psycopg.Connection, code: str, *, since: datetime) -> list[EndedContact]:
    """Named contacts of an organisation that ended after a moment, the latest first."""
    with conn.cursor(row_factory=class_row(EndedContact)) as cursor:
        return cursor.execute(
            """
            SELECT named_contact_id, role, name, lower(email) AS email, ended_at, ended_because
            FROM portal.named_contact
            WHERE organization_code = %s AND ended_at >= %s AND ended_because IS NOT NULL
            ORDER BY ended_at DESC, named_contact_id DESC
            """,
            [code, since],
        ).fetchall()


def listed(conn: psycopg.Connection, code: str, *, on: date) -> list[dict[str, Any]]:
    """Coordinator and alternates in force of an organisation, and in whose word each stands.

    Rows: role, name, email, named_by (`feed`; the namer's address or system user), since, last_signed_in_at.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""
            SELECT h.role, h.name, h.email, coalesce(namer.email, n.named_by, 'feed') AS named_by,
                   n.valid_from AS since, p.last_signed_in_at
            FROM ({HOLDERS}) AS h
            LEFT JOIN portal.named_contact AS n USING (named_contact_id)
            LEFT JOIN portal.person AS namer ON n.named_by = 'person:' || namer.person_id
            LEFT JOIN portal.binding AS b
              ON b.organization_code = h.organization_code AND b.email = h.email AND b.ended_at IS NULL
            LEFT JOIN portal.person AS p ON p.person_id = b.person_id
            ORDER BY h.role DESC, h.name, h.email
            """,
            {"codes": [code], "on": on},
        ).fetchall()


def untold(conn: psycopg.Connection) -> list[UntoldContact]:
    """Alternates whom no mail has told yet that they are."""
    with conn.cursor(row_factory=class_row(UntoldContact)) as cursor:
        return cursor.execute(
            """
            SELECT n.named_contact_id, n.organization_code, coalesce(o.name, '') AS organization,
                   n.name, n.email
            FROM portal.named_contact AS n
            LEFT JOIN LATERAL (
                SELECT name FROM ledger.institution_version AS v
                WHERE v.code = n.organization_code AND v.replaced_at IS NULL
                ORDER BY valid_from DESC
                LIMIT 1) AS o ON true
            WHERE n.told_at IS NULL AND n.ended_at IS NULL AND n.role = 'alternate'
            ORDER BY n.named_contact_id
            """
        ).fetchall()


def mark_told(conn: psycopg.Connection, named_contact_id: int, *, at: datetime) -> None:
    """The mail that tells an alternate is planned."""
    conn.execute(
        "UPDATE portal.named_contact SET told_at = %s WHERE named_contact_id = %s", [at, named_contact_id]
    )
