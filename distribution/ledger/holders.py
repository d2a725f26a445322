"""Who holds a role of the portal on a day: contacts of the feeds, and those whom somebody named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg.rows import class_row

# Of several coordinators the one with the latest `valid_from`; every alternate.
# Whom no feed brought is worth less than what a feed says, and never outlives the word that it stands on:
# out is who was named for a role that a feed has filled since then, whatever its `valid_from`, and an
# alternate whose namer is the coordinator no more. Asked with each page, it holds before a job notes it.
HOLDERS = """
    WITH of_feed AS (
        SELECT organization_code, role, name, lower(email) AS email, valid_from, contact_id
        FROM ledger.contact
        WHERE organization_code = ANY(%(codes)s)
          AND role IN ('coordinator', 'alternate')
          AND valid_from <= %(on)s AND (valid_to IS NULL OR valid_to >= %(on)s)
    ), named AS (
        SELECT n.named_contact_id, n.organization_code, n.role, n.name, lower(n.email) AS email, n.named_by
        FROM portal.named_contact AS n
        WHERE n.organization_code = ANY(%(codes)s) AND n.ended_at IS NULL AND n.valid_from <= %(on)s
          AND NOT EXISTS (
              SELECT FROM of_feed AS f
              WHERE f.organization_code = n.organization_code AND f.role = n.role
                AND NOT EXISTS (
                    SELECT FROM ledger.contact AS beside
                    WHERE beside.organization_code = n.organization_code AND beside.role = n.role
                      AND lower(beside.email) = f.email AND beside.contact_id <= n.beside_contact_id
                      AND beside.valid_from <= n.valid_from
                      AND (beside.valid_to IS NULL OR beside.valid_to >= n.valid_from)))
    ), coordinator AS (
        SELECT DISTINCT ON (organization_code) organization_code, role, name, email, named_contact_id
        FROM (
            SELECT organization_code, role, name, email, valid_from, contact_id,
                   NULL::bigint AS named_contact_id
            FROM of_feed WHERE role = 'coordinator'
            UNION ALL
            SELECT organization_code, role, name, email, NULL, NULL, named_contact_id
            FROM named WHERE role = 'coordinator'
        ) AS c
        ORDER BY organization_code, valid_from DESC NULLS LAST, contact_id DESC
    )
    SELECT organization_code, role, name, email, named_contact_id FROM coordinator
    UNION ALL
    SELECT organization_code, role, name, email, NULL FROM of_feed WHERE role = 'alternate'
    UNION ALL
    SELECT n.organization_code, n.role, n.name, n.email, n.named_contact_id
    FROM named AS n
    WHERE n.role = 'alternate'
      AND EXISTS (SELECT FROM coordinator AS c
                  JOIN portal.binding AS b
                    ON b.organization_code = c.organization_code AND b.email = c.email AND b.ended_at IS NULL
                  WHERE c.organization_code = n.organization_code
                    AND n.named_by = 'person:' || b.person_id)
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A coordinator or alternate in force. The address is in small letters.

    `named_contact_id`: of one whom somebody named; None where a feed brought the contact.
    """

    organization_code: str
    role: str
    name: str
    email: str
    named_contact_id: int | None


def holders(conn: psycopg.Connection, codes: Sequence[str], *, on: date) -> list[Holder]:
    """Coordinator and alternates in force of organisations, the coordinator first."""
    with conn.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(
            f"SELECT * FROM ({HOLDERS}) AS h ORDER BY organization_code, role DESC, name, email",
            {"codes": list(codes), "on": on},
        ).fetchall()


def organizations_of_address(conn: psycopg.Connection, email: str) -> list[str]:
    """Where a contact of this address is or was coordinator or alternate."""
    rows = conn.execute(
        """
        SELECT organization_code FROM ledger.contact
        WHERE lower(email) = %(email)s AND role IN ('coordinator', 'alternate')
        UNION
        SELECT organization_code FROM portal.named_contact WHERE lower(email) = %(email)s
        """,
        {"email": email},
    ).fetchall()
    return sorted(row[0] for row in rows)


def has_left(conn: psycopg.Connection, code: str, email: str, *, on: date) -> bool:
    """True for an address that was a coordinator's or alternate's there and is no contact's at all now."""
    mailbox = email.lower()
    if code not in organizations_of_address(conn, mailbox):
        return False
    if any(each.email == mailbox for each in holders(conn, [code], on=on)):
        return False
    row = conn.execute(
        """
        SELECT NOT EXISTS (
            SELECT FROM ledger.contact
            WHERE organization_code = %(code)s AND lower(email) = %(email)s
              AND role NOT IN ('coordinator', 'alternate')
              AND valid_from <= %(on)s AND (valid_to IS NULL OR valid_to >= %(on)s))
        """,
        {"code": code, "email": mailbox, "on": on},
    ).fetchone()
    return bool(row and row[0])
