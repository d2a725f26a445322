"""People of the portal in the ledger: who signed in, for which contact they stand, what they agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution.ledger.holders import HOLDERS
from distribution.model import InstitutionKind, PortalRole


@dataclass(frozen=True, slots=True)
class KnownPerson:
    person_id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An organisation for which a person stands today: its master data and the role."""

    code: str
    name: str
    kind: str
    time_zone: str
    role: str
    through: str


def find(conn: psycopg.Connection, *, issuer: str, subject: str) -> KnownPerson | None:
    with conn.cursor(row_factory=class_row(KnownPerson)) as cursor:
        return cursor.execute(
            "SELECT person_id, name, email FROM portal.person WHERE issuer = %s AND subject = %s",
            [issuer, subject],
        ).fetchone()


def read(conn: psycopg.Connection, person_id: int) -> KnownPerson | None:
    with conn.cursor(row_factory=class_row(KnownPerson)) as cursor:
        return cursor.execute(
            "SELECT person_id, name, email FROM portal.person WHERE person_id = %s", [person_id]
        ).fetchone()


def note_sign_in(
    conn: psycopg.Connection, *, issuer: str, subject: str, name: str, email: str, at: datetime
) -> int:
    """The person's id; a new one the first time."""
    row = conn.execute(
        """
        INSERT INTO portal.person (issuer, subject, name, email, first_signed_in_at, last_signed_in_at)
        VALUES (%(issuer)s, %(subject)s, %(name)s, %(email)s, %(at)s, %(at)s)
        ON CONFLICT (issuer, subject) DO UPDATE
        SET name = excluded.name, email = excluded.email, last_signed_in_at = excluded.last_signed_in_at
        RETURNING person_id
        """,
        {"issuer": issuer, "subject": subject, "name": name, "email": email, "at": at},
    ).fetchone()
    assert row is not None
    return int(row[0])


def bound_to_another(conn: psycopg.Connection, email: str, *, issuer: str, subject: str) -> bool:
    """True when this address brought another person in and operations have not given it free."""
    row = conn.execute(
        """
        SELECT EXISTS (
            SELECT FROM portal.binding AS b JOIN portal.person AS p USING (person_id)
            WHERE b.email = %s AND b.released_at IS NULL AND (p.issuer, p.subject) <> (%s, %s))
        """,
        [email, issuer, subject],
    ).fetchone()
    return bool(row and row[0])


def bind(conn: psycopg.Connection, person_id: int, codes: Sequence[str], *, email: str, at: datetime) -> None:
    """Let a person stand for the contact of this address in organisations; known bindings stay."""
    conn.execute(
        """
        INSERT INTO portal.binding (person_id, organization_code, email, bound_at)
        SELECT %s, code, %s, %s FROM unnest(%s::text[]) AS c (code)
        ON CONFLICT DO NOTHING
        """,
        [person_id, email, at, list(codes)],
    )


def end_without_contact(
    conn: psycopg.Connection, *, on: date, at: datetime, person_id: int | None = None
) -> int:
    """End the bindings, of one person or of all, whose contact is no longer in force. Returns how many."""
    bound = conn.execute(
        """
        SELECT array_agg(DISTINCT organization_code) FROM portal.binding
        WHERE ended_at IS NULL AND (%(person)s::bigint IS NULL OR person_id = %(person)s)
        """,
        {"person": person_id},
    ).fetchone()
    return conn.execute(
        f"""
        UPDATE portal.binding AS b
        SET ended_at = %(at)s
        WHERE b.ended_at IS NULL
          AND (%(person)s::bigint IS NULL OR b.person_id = %(person)s)
          AND NOT EXISTS (SELECT FROM ({HOLDERS}) AS h
                          WHERE h.organization_code = b.organization_code AND h.email = b.email)
        """,
        {"at": at, "on": on, "person": person_id, "codes": (bound and bound[0]) or []},
    ).rowcount


def release(conn: psycopg.Connection, email: str, *, at: datetime, by: str) -> int:
    """Give an address free: who was bound by it is bound no more, the next verified sign-in is. How many."""
    return conn.execute(
        """
        UPDATE portal.binding
        SET released_at = %(at)s, released_by = %(by)s, ended_at = coalesce(ended_at, %(at)s)
        WHERE email = %(email)s AND released_at IS NULL
        """,
        {"email": email, "at": at, "by": by},
    ).rowcount


def address_of(conn: psycopg.Connection, person_id: int, code: str) -> str | None:
    """The contact's address by which a person is bound to an organisation; None where he is not."""
    row = conn.execute(
        """
        SELECT email FROM portal.binding
        WHERE person_id = %s AND organization_code = %s AND ended_at IS NULL
        """,
        [person_id, code],
    ).fetchone()
    return str(row[0]) if row else None


def was_bound(conn: psycopg.Connection, person_id: int) -> bool:
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM portal.binding WHERE person_id = %s)", [person_id]
    ).fetchone()
    return bool(row and row[0])


def standings(conn: psycopg.Connection, person_id: int, *, on: date) -> list[Standing]:
    """The organisations for which a person stands on a day: own ones, then the schools of own districts."""
    own = [
        row[0]
        for row in conn.execute(
            "SELECT organization_code FROM portal.binding WHERE person_id = %s AND ended_at IS NULL",
            [person_id],
        ).fetchall()
    ]
    if not own:
        return []
    with conn.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(
            f"""
            WITH holder AS ({HOLDERS}), own AS (
                SELECT h.organization_code AS code, max(h.role) AS role
                FROM holder AS h
                JOIN portal.binding AS b USING (organization_code, email)
                WHERE b.person_id = %(person)s AND b.ended_at IS NULL
                GROUP BY h.organization_code
            ), organization AS (
                SELECT DISTINCT ON (code) code, name, kind, time_zone, district_code
                FROM ledger.institution_version
                WHERE replaced_at IS NULL AND valid_from <= %(on)s
                  AND (code = ANY(%(codes)s) OR district_code = ANY(%(codes)s))
                ORDER BY code, valid_from DESC
            )
            SELECT o.code, o.name, o.kind, o.time_zone, own.role, '' AS through
            FROM own JOIN organization AS o USING (code)
            UNION ALL
            SELECT s.code, s.name, s.kind, s.time_zone, %(district_role)s, d.code
            FROM own
            JOIN organization AS d ON d.code = own.code AND d.kind = %(district)s
            JOIN organization AS s ON s.district_code = d.code
            WHERE s.code NOT IN (SELECT code FROM own)
            ORDER BY through, code
            """,
            {
                "person": person_id,
                "codes": own,
                "on": on,
                "district": InstitutionKind.DISTRICT,
                "district_role": PortalRole.DISTRICT,
            },
        ).fetchall()


def settled_years(
    conn: psycopg.Connection, person_id: int
) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Organisations and academic years whose code the person entered, and those that he agreed to."""
    rows = conn.execute(
        """
        SELECT true, organization_code, academic_year FROM portal.redemption WHERE person_id = %(person)s
        UNION ALL
        SELECT false, organization_code, academic_year FROM portal.agreement WHERE person_id = %(person)s
        """,
        {"person": person_id},
    ).fetchall()
    return (
        {(code, year) for redeemed, code, year in rows if redeemed},
        {(code, year) for redeemed, code, year in rows if not redeemed},
    )


def agree(conn: psycopg.Connection, person_id: int, code: str, *, year: int, at: datetime) -> None:
    conn.execute(
        """
        INSERT INTO portal.agreement (person_id, organization_code, academic_year, agreed_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [person_id, code, year, at],
    )


def on_file(conn: psycopg.Connection, code: str, *, on: date, year: int) -> list[dict[str, Any]]:
    """Contacts in force and the person behind each: columns of a line of People and access."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""
            SELECT h.name, h.email, h.role, h.named_contact_id, p.person_id, p.last_signed_in_at,
                   r.redeemed_at,
                   (SELECT max(exported_at) FROM ledger.portal_export AS e
                    WHERE e.person_id = p.person_id AND e.organization_code = %(code)s) AS last_exported_at
            FROM ({HOLDERS}) AS h
            LEFT JOIN portal.binding AS b
              ON b.organization_code = h.organization_code AND b.email = h.email AND b.ended_at IS NULL
            LEFT JOIN portal.person AS p USING (person_id)
            LEFT JOIN portal.redemption AS r
              ON r.person_id = p.person_id AND r.organization_code = %(code)s AND r.academic_year = %(year)s
            ORDER BY h.role DESC, h.name, h.email
            """,
            {"codes": [code], "code": code, "on": on, "year": year},
        ).fetchall()
