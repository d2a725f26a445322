"""Entering the year's code: limits, one keyed hash, one look-up, one answer for whatever is not right."""

import logging
from dataclasses import replace
from datetime import datetime

import psycopg

from distribution import academic_year
from distribution.access_codes import code, vault
from distribution.access_codes.code import NotAnAccessCode
from distribution.jobs.portal_answers import NotAccepted, NotAcceptedReason, Redeemed
from distribution.jobs.wiring import Line
from distribution.ledger import access_events, codes, locks, people
from distribution.ledger.access_events import HOUR, Event, WrongCodes
from distribution.ledger.connection import Role
from distribution.ledger.people import Standing
from distribution.model import AccessKind, AccessOutcome

log = logging.getLogger(__name__)

# Wrong codes within an hour. A code has 65 bits, so these limits are for the log's sake more than the code's.
OF_ONE_PERSON, OF_ONE_ADDRESS, ALARM = 5, 20, 100


def redeem(
    line: Line, person_id: int, organization_code: str, code_text: str, *, at: datetime, address: str = ""
) -> Redeemed | NotAccepted:
    """Take the year's code of an organisation from a person who stands for it.

    Unknown, mistyped, expired, revoked and foreign codes take the same path (one keyed hash, one look-up)
    and get the same answer. After five wrong ones within the hour the person waits, after twenty from one
    `address` (of the network) everyone there who was wrong too; who was not wrong is looked at all the same,
    so that nobody can lock a school out. Every try is logged. Raises VaultKey where the key is missing.
    """
    with line.connect(role=Role.PORTAL) as conn:
        _one_at_a_time(conn, person_id, address)
        event = Event(
            AccessKind.CODE,
            AccessOutcome.WRONG,
            person_id=person_id,
            organization_code=organization_code,
            address=address,
        )
        counted = access_events.wrong_codes(conn, person_id=person_id, address=address, at=at)
        if free_at := _free_at(counted):
            access_events.note(conn, replace(event, outcome=AccessOutcome.LIMITED), at=at)
            return NotAccepted(NotAcceptedReason.TOO_MANY, retry_at=free_at)
        standing = _own_standing(line, conn, person_id, organization_code, at=at)
        found = codes.find(conn, _lookup(line, conn, code_text))
        why = _why_not(standing, found, at=at)
        if why or standing is None or found is None:
            access_events.note(conn, replace(event, reason=why), at=at)
            _sound_the_alarm(conn, at=at)
            return NotAccepted(NotAcceptedReason.NOT_ACCEPTED)
        codes.redeem(conn, found, person_id=person_id, at=at)
        access_events.note(conn, replace(event, outcome=AccessOutcome.DONE), at=at)
        _, agreed = people.settled_years(conn, person_id)
    log.info("The code of %s for %s was redeemed", organization_code, found.academic_year)
    return Redeemed(
        organization_code=organization_code,
        academic_year=found.academic_year,
        needs_agreement=(organization_code, found.academic_year) not in agreed,
    )


def _one_at_a_time(conn: psycopg.Connection, person_id: int, address: str) -> None:
    """Tries of one person, and from one address, are counted one after another: no burst slips through."""
    locks.wait_in_transaction(conn, locks.ACCOUNTS, str(person_id))
    if address:
        locks.wait_in_transaction(conn, locks.ADDRESSES, address)


def _free_at(counted: WrongCodes) -> datetime | None:
    """When the next try is looked at; None = now."""
    if counted.of_person >= OF_ONE_PERSON and counted.of_person_since:
        return counted.of_person_since + HOUR
    if counted.of_address >= OF_ONE_ADDRESS and counted.of_person and counted.of_address_since:
        return counted.of_address_since + HOUR
    return None


def _own_standing(
    line: Line, conn: psycopg.Connection, person_id: int, organization_code: str, *, at: datetime
) -> Standing | None:
    """The person's own standing; what a district opens has no code of its own to enter."""
    on = at.astimezone(line.settings.zone).date()
    return next(
        (
            each
            for each in people.standings(conn, person_id, on=on)
            if each.code == organization_code and not each.through
        ),
        None,
    )


def _lookup(line: Line, conn: psycopg.Connection, code_text: str) -> bytes:
    keys = vault.open_keys(line.settings.secrets, may_make=lambda: not codes.any_on_file(conn))
    try:
        typed = code.parse(code_text)
    except NotAnAccessCode:
        typed = code.NO_CODE  # hashed and looked up like any other, and never found
    return vault.lookup_of(keys, typed)


def _why_not(standing: Standing | None, found: codes.FoundCode | None, *, at: datetime) -> str:
    """Why the code does not open the organisation, for the log alone; empty = it does."""
    if standing is None:
        return "not-your-organization"
    if found is None:
        return "unknown"
    if found.organization_code != standing.code:
        return "foreign"
    if not found.is_live or found.academic_year != academic_year.academic_year_at(at, standing.time_zone):
        return "expired"
    return ""


def _sound_the_alarm(conn: psycopg.Connection, *, at: datetime) -> None:
    """Once, at the hundredth; counted one after another, or two at a time would pass it by."""
    locks.wait_in_transaction(conn, locks.ADDRESSES, "")
    if access_events.all_wrong_codes(conn, at=at) == ALARM:
        log.error("%s wrong access codes within an hour. Look at portal.access_event.", ALARM)
