"""What people of the portal chose: alternates and notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from distribution.model import NoticeFrequency


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


def name_contact(conn: psycopg.Connection, named: NamedContact, *, at: datetime) -> None:
    """Name a contact in the place of the one that was named for this role before."""
    conn.execute(
        """
        UPDATE portal.named_contact SET ended_at = %s
        WHERE organization_code = %s AND role = %s AND ended_at IS NULL
        """,
        [at, named.organization_code, named.role],
    )
    conn.execute(
        """
        INSERT INTO portal.named_contact (organization_code, role, name, email, valid_from, named_by, reason,
                                          named_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            named.organization_code,
            named.role,
            named.name,
            named.email,
            named.valid_from,
            named.named_by,
            named.reason,
            at,
        ],
    )


def untold(conn: psycopg.Connection) -> list[UntoldContact]:
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
    conn.execute(
        "UPDATE portal.named_contact SET told_at = %s WHERE named_contact_id = %s", [at, named_contact_id]
    )


def zone_of(conn: psycopg.Connection, code: str, *, on: date) -> str:
    """The organisation's time zone on a day; empty where none is on file."""
    row = conn.execute(
        """
        SELECT time_zone FROM ledger.institution_version
        WHERE code = %s AND replaced_at IS NULL AND valid_from <= %s
        ORDER BY valid_from DESC
        LIMIT 1
        """,
        [code, on],
    ).fetchone()
    return str(row[0]) if row else ""


def code_mails(conn: psycopg.Connection, code: str, *, year: int) -> list[tuple[str, str, datetime | None]]:
    """Address, state and moment of each mail that carries the organisation's code of a year, newest first.

    In the portal's role inside `channels.portal.access.as_schools`: outside it no mail is seen.
    """
    return conn.execute(
        """
        SELECT m.to_address, m.state, m.sent_at
        FROM ledger.mail AS m
        JOIN ledger.access_code AS a USING (code_id)
        WHERE a.organization_code = %s AND a.academic_year = %s
        ORDER BY m.sent_at DESC NULLS FIRST
        """,
        [code, year],
    ).fetchall()


def choose_notice(
    conn: psycopg.Connection, person_id: int, code: str, frequency: NoticeFrequency, *, at: datetime
) -> None:
    conn.execute(
        """
        INSERT INTO portal.notice_preference (person_id, organization_code, frequency, chosen_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id, organization_code) DO UPDATE
        SET frequency = excluded.frequency, chosen_at = excluded.chosen_at
        """,
        [person_id, code, frequency, at],
    )


def notices_of(conn: psycopg.Connection, person_id: int) -> Mapping[str, NoticeFrequency]:
    rows = conn.execute(
        "SELECT organization_code, frequency FROM portal.notice_preference WHERE person_id = %s", [person_id]
    ).fetchall()
    return {code: NoticeFrequency(frequency) for code, frequency in rows}
