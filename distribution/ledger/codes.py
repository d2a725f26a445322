"""Access codes in the ledger: sealed, one live code per organisation and academic year."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution import academic_year
from distribution.model import CodeState, ContactRole

_ENDED = [CodeState.REVOKED.value, CodeState.EXPIRED.value]


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A sealed code; only the vault opens it, and only for this organisation and year."""

    organization_code: str
    academic_year: int
    lookup: bytes = field(repr=False)
    cipher: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    key_id: str
    code_id: int | None = None
    state: str = CodeState.ISSUED.value


@dataclass(frozen=True, slots=True)
class FoundCode:
    """What a look-up finds of a code."""

    code_id: int
    organization_code: str
    academic_year: int
    state: str

    @property
    def is_live(self) -> bool:
        return self.state not in _ENDED


def ordering_organizations(
    conn: psycopg.Connection, *, first: date, last: date, on: date
) -> list[dict[str, Any]]:
    """Who ordered vouchers from `first` to `last` and did not cancel, as they are on the day `on`.

    Rows: code, name, is_active (bool), contact_name, contact_email (of the primary contact in force, the
    latest of several; '' where there is none).
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            WITH ordering AS (
                SELECT DISTINCT organization_code AS code
                FROM ledger.voucher_order
                WHERE ordered_on BETWEEN %(first)s AND %(last)s AND status <> 'cancelled'
            ), organization AS (
                SELECT DISTINCT ON (code) code, name, status
                FROM ledger.institution_version
                WHERE valid_from <= %(on)s AND replaced_at IS NULL
                ORDER BY code, valid_from DESC
            ), contact AS (
                SELECT DISTINCT ON (organization_code) organization_code AS code, name, email
                FROM ledger.contact
                WHERE role = %(role)s AND valid_from <= %(on)s AND (valid_to IS NULL OR valid_to >= %(on)s)
                ORDER BY organization_code, valid_from DESC, contact_id DESC
            )
            SELECT code, coalesce(o.name, '') AS name, coalesce(o.status = 'active', false) AS is_active,
                   coalesce(c.name, '') AS contact_name, coalesce(c.email, '') AS contact_email
            FROM ordering
            LEFT JOIN organization AS o USING (code)
            LEFT JOIN contact AS c USING (code)
            ORDER BY code COLLATE "C"
            """,
            {"first": first, "last": last, "on": on, "role": ContactRole.PRIMARY},
        ).fetchall()


def live(conn: psycopg.Connection, *, year: int) -> list[dict[str, Any]]:
    """The live codes of a year: organization_code, code_id, state, mailed_to (where its last mail goes)."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT a.organization_code, a.code_id, a.state,
                   coalesce((SELECT m.to_address
                             FROM ledger.mail AS m
                             WHERE m.code_id = a.code_id
                             ORDER BY m.mail_id DESC
                             LIMIT 1), '') AS mailed_to
            FROM ledger.access_code AS a
            WHERE a.academic_year = %s AND a.state <> ALL(%s)
            """,
            [year, _ENDED],
        ).fetchall()


def live_of(conn: psycopg.Connection, organization: str, *, year: int) -> FoundCode | None:
    """The live code of an organisation and year."""
    with conn.cursor(row_factory=class_row(FoundCode)) as cursor:
        return cursor.execute(
            """
            SELECT code_id, organization_code, academic_year, state FROM ledger.access_code
            WHERE organization_code = %s AND academic_year = %s AND state <> ALL(%s)
            """,
            [organization, year, _ENDED],
        ).fetchone()


def record(
    conn: psycopg.Connection, minted: Sequence[StoredCode], *, issued_at: datetime, approved_by: str
) -> int:
    """Record sealed codes; who has a live code of that year keeps it. Returns how many are new."""
    if not minted:
        return 0
    return conn.execute(
        """
        INSERT INTO ledger.access_code (organization_code, academic_year, lookup, cipher, nonce, key_id,
                                        issued_at, approved_by)
        SELECT organization_code, academic_year, lookup, cipher, nonce, key_id, %s, %s
        FROM unnest(%s::text[], %s::smallint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[])
             AS c (organization_code, academic_year, lookup, cipher, nonce, key_id)
        ON CONFLICT (organization_code, academic_year) WHERE state NOT IN ('revoked', 'expired') DO NOTHING
        """,
        [
            issued_at,
            approved_by,
            [each.organization_code for each in minted],
            [each.academic_year for each in minted],
            [each.lookup for each in minted],
            [each.cipher for each in minted],
            [each.nonce for each in minted],
            [each.key_id for each in minted],
        ],
    ).rowcount


def read(conn: psycopg.Connection, code_id: int) -> StoredCode:
    """The sealed code of that id. Raises KeyError when there is none."""
    with conn.cursor(row_factory=class_row(StoredCode)) as cursor:
        found = cursor.execute(
            """
            SELECT code_id, organization_code, academic_year, lookup, cipher, nonce, key_id, state
            FROM ledger.access_code
            WHERE code_id = %s
            """,
            [code_id],
        ).fetchone()
    if found is None:
        raise KeyError(code_id)
    return found


def any_on_file(conn: psycopg.Connection) -> bool:
    """True when a code was ever sealed here: then its keys must be there too."""
    row = conn.execute("SELECT EXISTS (SELECT FROM ledger.access_code)").fetchone()
    return bool(row and row[0])


def find(conn: psycopg.Connection, lookup: bytes) -> FoundCode | None:
    """The code with this keyed hash, whosever and of whatever year and state it is."""
    with conn.cursor(row_factory=class_row(FoundCode)) as cursor:
        return cursor.execute(
            """
            SELECT code_id, organization_code, academic_year, state
            FROM ledger.access_code
            WHERE lookup = %s
            """,
            [lookup],
        ).fetchone()


def redeem(conn: psycopg.Connection, found: FoundCode, *, person_id: int, at: datetime) -> None:
    """Record that a person entered the code; the first one makes it redeemed. In the portal's role."""
    conn.execute(
        """
        INSERT INTO portal.redemption (person_id, organization_code, academic_year, code_id, redeemed_at)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [person_id, found.organization_code, found.academic_year, found.code_id, at],
    )
    conn.execute(
        """
        UPDATE ledger.access_code SET state = %s, redeemed_at = %s
        WHERE code_id = %s AND state = ANY(%s)
        """,
        [
            CodeState.REDEEMED,
            at,
            found.code_id,
            [CodeState.ISSUED.value, CodeState.MAILED.value, CodeState.BOUNCED.value],
        ],
    )


def revoke(
    conn: psycopg.Connection, organization: str, *, year: int, reason: str, at: datetime
) -> int | None:
    """End the live code of an organisation and year at once; the id of it, None where there is none."""
    row = conn.execute(
        """
        UPDATE ledger.access_code SET state = %s, revoked_at = %s, reason = %s
        WHERE organization_code = %s AND academic_year = %s AND state <> ALL(%s)
        RETURNING code_id
        """,
        [CodeState.REVOKED, at, reason, organization, year, _ENDED],
    ).fetchone()
    return row[0] if row else None


def mark_mailed(conn: psycopg.Connection, code_id: int, *, at: datetime) -> None:
    """Its mail was taken by the server: issued or bounced → mailed; what is further on stays."""
    conn.execute(
        """
        UPDATE ledger.access_code
        SET state = %s, mailed_at = %s, reason = NULL
        WHERE code_id = %s AND state = ANY(%s)
        """,
        [CodeState.MAILED, at, code_id, [CodeState.ISSUED.value, CodeState.BOUNCED.value]],
    )


def mark_bounced(conn: psycopg.Connection, code_id: int, *, reason: str) -> None:
    """Its mail came back or cannot be sent: a person mends the contact."""
    conn.execute(
        "UPDATE ledger.access_code SET state = %s, reason = %s WHERE code_id = %s AND state = ANY(%s)",
        [CodeState.BOUNCED, reason, code_id, [CodeState.ISSUED.value, CodeState.MAILED.value]],
    )


def expire(conn: psycopg.Connection, *, on: date) -> int:
    """End the codes of academic years that are over on a day. Returns how many."""
    return conn.execute(
        "UPDATE ledger.access_code SET state = %s WHERE academic_year < %s AND state <> ALL(%s)",
        [CodeState.EXPIRED, academic_year.academic_year_of(on), _ENDED],
    ).rowcount


def listed(conn: psycopg.Connection, *, year: int | None = None, on: date) -> list[dict[str, Any]]:
    """Every code's way so far, never the code: organization, academic_year, state, the days of each step.

    A code whose year is over on `on` reads as expired.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT organization_code AS organization, academic_year,
                   CASE WHEN academic_year < %s AND state <> %s THEN %s ELSE state END AS state,
                   issued_at, mailed_at, redeemed_at, revoked_at, reason
            FROM ledger.access_code
            WHERE %s::int IS NULL OR academic_year = %s
            ORDER BY academic_year, organization_code COLLATE "C", code_id
            """,
            [academic_year.academic_year_of(on), CodeState.REVOKED, CodeState.EXPIRED, year, year],
        ).fetchall()
    return [{**row, "academic_year": academic_year.written(row["academic_year"])} for row in rows]
