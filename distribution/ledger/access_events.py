"""The log of accesses to the portal: append-only; what was refused and why, how often someone was wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.model import AccessKind, AccessOutcome

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Event:
    """What someone wanted and what came of it. `account`: issuer and subject, or the address given.

    `page`: the kind of address that was asked for, `academic_year` and `result_id` as they stood in it: ids
    alone, never a student.
    """

    kind: AccessKind
    outcome: AccessOutcome
    reason: str = ""
    person_id: int | None = None
    organization_code: str = ""
    account: str = ""
    address: str = ""
    page: str = ""
    academic_year: str = ""
    result_id: str = ""


@dataclass(frozen=True, slots=True)
class WrongCodes:
    """Wrong codes within the hour; `of_person_since` is the moment of the oldest one that counts."""

    of_person: int
    of_address: int
    of_person_since: datetime | None
    of_address_since: datetime | None


def note(conn: psycopg.Connection, event: Event, *, at: datetime) -> None:
    conn.execute(
        """
        INSERT INTO portal.access_event (happened_at, kind, outcome, reason, person_id, organization_code,
                                         account, address, page, academic_year, result_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            at,
            event.kind,
            event.outcome,
            event.reason,
            event.person_id,
            event.organization_code,
            event.account,
            event.address,
            event.page,
            event.academic_year,
            event.result_id,
        ],
    )


def wrong_codes(conn: psycopg.Connection, *, person_id: int, address: str, at: datetime) -> WrongCodes:
    """How many wrong codes came within the hour before `at`; an empty address is none."""
    row = conn.execute(
        """
        SELECT count(*) FILTER (WHERE person_id = %(person)s),
               count(*) FILTER (WHERE address = %(address)s AND address <> ''),
               min(happened_at) FILTER (WHERE person_id = %(person)s),
               min(happened_at) FILTER (WHERE address = %(address)s AND address <> '')
        FROM portal.access_event
        WHERE kind = 'code' AND outcome = 'wrong' AND happened_at > %(since)s
        """,
        {"person": person_id, "address": address, "since": at - HOUR},
    ).fetchone()
    assert row is not None
    return WrongCodes(*row)


def all_wrong_codes(conn: psycopg.Connection, *, at: datetime) -> int:
    """How many wrong codes came within the hour before `at`, from whomever."""
    row = conn.execute(
        """
        SELECT count(*) FROM portal.access_event
        WHERE kind = 'code' AND outcome = 'wrong' AND happened_at > %s
        """,
        [at - HOUR],
    ).fetchone()
    return int(row[0]) if row else 0


def requests_from(conn: psycopg.Connection, *, address: str, at: datetime) -> int:
    """How many requests for a code came from an address of the network within the hour."""
    row = conn.execute(
        """
        SELECT count(*) FROM portal.access_event
        WHERE kind = 'request' AND outcome <> 'limited'
          AND address = %s AND address <> '' AND happened_at > %s
        """,
        [address, at - HOUR],
    ).fetchone()
    return int(row[0]) if row else 0


def refused(conn: psycopg.Connection, *, since: datetime) -> list[dict[str, Any]]:
    """Everything that was refused or limited since a moment, oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT happened_at, kind, outcome, reason, person_id, organization_code, page, academic_year,
                   result_id
            FROM portal.access_event
            WHERE outcome <> 'done' AND happened_at >= %s
            ORDER BY event_id
            """,
            [since],
        ).fetchall()
