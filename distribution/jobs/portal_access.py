"""Who may open what in the portal: sign-in, the year's code, agreements.

The one door of the portal's pages to the life of people and codes; the answers are in `portal_answers`.
All of it runs in the portal's own role, which may do just that; codes and mails are made by the pipeline.
"""

import logging
from datetime import date, datetime

import psycopg

from distribution import academic_year
from distribution.access_codes import code
from distribution.jobs import portal_standing
from distribution.jobs.ask_for_codes import request_code
from distribution.jobs.named_people import ended_namings, remove_alternate
from distribution.jobs.portal_answers import (
    Asked,
    Asker,
    CodeMailing,
    EndedNaming,
    NotAccepted,
    NotAcceptedReason,
    Organization,
    Person,
    PersonOnFile,
    Redeemed,
    Refusal,
    RefusalReason,
    RequestAnswer,
    RequestText,
)
from distribution.jobs.redeem_codes import redeem
from distribution.jobs.school_choices import (
    askers_of,
    code_mailings,
    mark_not_our_student,
    name_alternate,
    notices_of,
    people_of,
    set_notice,
)
from distribution.jobs.wiring import Line
from distribution.ledger import access_events, code_requests, holders, locks, people
from distribution.ledger.access_events import Event
from distribution.ledger.code_requests import AskedFor
from distribution.ledger.connection import Role
from distribution.model import (
    AccessKind,
    AccessOutcome,
    NoticeFrequency,
    PortalRole,
    RequestKind,
    RequestWay,
)

__all__ = [
    "Asked", "Asker", "CodeMailing", "EndedNaming", "NotAccepted", "NotAcceptedReason", "NoticeFrequency",
    "Organization", "Person", "PersonOnFile", "PortalRole", "Redeemed", "Refusal", "RefusalReason",
    "RequestAnswer", "RequestText", "agree", "askers_of", "bind_person", "code_mailings", "ended_namings",
    "mark_not_our_student", "name_alternate", "note_refused", "notices_of", "people_of", "person_in",
    "person_of", "redeem", "remove_alternate", "request_code", "set_notice",
]  # fmt: skip

log = logging.getLogger(__name__)


def bind_person(
    line: Line,
    *,
    issuer: str,
    subject: str,
    email: str,
    email_verified: bool,
    on: datetime | date,
    name: str = "",
    address: str = "",
) -> Person | Refusal:
    """Who signed in: known by issuer and subject, the first time bound by a verified e-mail address.

    `on`: the moment of the sign-in (aware), or a day that counts in every zone. `address`: of the network,
    for the log. The address must be that of a coordinator or alternate in force. A second person with an
    address that brought another one in is refused and referred to operations; operations free it. Every
    sign-in is logged, refused ones with the reason.
    """
    at, day = portal_standing.moment_of(line, on), portal_standing.business_day(line, on)
    mailbox = email.strip().lower()
    with line.connect(role=Role.PORTAL) as conn:
        locks.wait_in_transaction(conn, locks.MAILBOXES, mailbox)
        why = _admit(conn, issuer, subject, name=name, email=mailbox, verified=email_verified, at=at, day=day)
        known = people.find(conn, issuer=issuer, subject=subject)
        event = Event(
            AccessKind.SIGN_IN,
            AccessOutcome.REFUSED if why else AccessOutcome.DONE,
            reason=why or "",
            person_id=known.person_id if known else None,
            account=f"{issuer} {subject}",
            address=address,
        )
        access_events.note(conn, event, at=at)
        if why == RefusalReason.ADDRESS_IN_USE:
            _refer_sign_in(conn, name=name, email=mailbox, at=at)
        if why or known is None:
            log.warning("A sign-in was refused: %s", why)
            return Refusal(why or RefusalReason.NOT_A_CONTACT)
        return Person(
            known.person_id,
            known.name,
            known.email,
            portal_standing.organizations(conn, known.person_id, on=on, day=day),
        )


def _admit(
    conn: psycopg.Connection,
    issuer: str,
    subject: str,
    *,
    name: str,
    email: str,
    verified: bool,
    at: datetime,
    day: date,
) -> RefusalReason | None:
    """Bind where it is due; why the person stays outside, None where he stands for an organisation."""
    known = people.find(conn, issuer=issuer, subject=subject)
    if known:
        people.end_without_contact(conn, on=day, at=at, person_id=known.person_id)
    held = holders.organizations_of_address(conn, email)
    in_force = [each.organization_code for each in holders.holders(conn, held, on=day) if each.email == email]
    taken = people.bound_to_another(conn, email, issuer=issuer, subject=subject)
    if verified and in_force and not taken:
        person_id = people.note_sign_in(conn, issuer=issuer, subject=subject, name=name, email=email, at=at)
        people.bind(conn, person_id, sorted(set(in_force)), email=email, at=at)
        known = people.KnownPerson(person_id, name, email)
    if known and people.standings(conn, known.person_id, on=day):
        # The person's address names the actor in the log of disclosures: never one that nobody verified.
        proven = email if verified else known.email
        people.note_sign_in(conn, issuer=issuer, subject=subject, name=name, email=proven, at=at)
        return None
    if not verified:
        return RefusalReason.UNVERIFIED_EMAIL
    if in_force:
        return RefusalReason.ADDRESS_IN_USE
    former = held or (known and people.was_bound(conn, known.person_id))
    return RefusalReason.FORMER_CONTACT if former else RefusalReason.NOT_A_CONTACT


def _refer_sign_in(conn: psycopg.Connection, *, name: str, email: str, at: datetime) -> None:
    """Operations decide whose the address is; once a day is enough for them."""
    if not code_requests.asked_today(conn, kind=RequestKind.SIGN_IN, school_code="", email=email, at=at):
        asked = AskedFor(
            code.reference(), RequestKind.SIGN_IN, RequestWay.OPERATIONS, "", None, name, email, "", ""
        )
        code_requests.record(conn, asked, at=at)


def person_of(line: Line, person_id: int, *, on: datetime | date) -> Person | None:
    """The person as he stands now, asked for at each request; None once no contact of his is in force.

    None ends the session: a contact that ended takes the binding and everything with it, at once.
    """
    with line.connect(role=Role.PORTAL) as conn:
        return person_in(line, conn, person_id, on=on)


def person_in(line: Line, conn: psycopg.Connection, person_id: int, *, on: datetime | date) -> Person | None:
    """The same over a connection in the portal's role."""
    known = people.read(conn, person_id)
    if known is None:
        return None
    day = portal_standing.business_day(line, on)
    organizations = portal_standing.organizations(conn, person_id, on=on, day=day)
    return Person(known.person_id, known.name, known.email, organizations) if organizations else None


def note_refused(
    line: Line, person_id: int, asked: Asked, why: RefusalReason, *, at: datetime, address: str = ""
) -> Refusal:
    """Log that someone asked for what he may not open: which organisation, year, result and kind of page."""
    with line.connect(role=Role.PORTAL) as conn:
        return portal_standing.refused(conn, AccessKind.SCORES, person_id, asked, why, at=at, address=address)


def agree(line: Line, person_id: int, organization_code: str, *, at: datetime) -> Refusal | None:
    """Note that a person keeps the organisation's scores of this academic year confidential; code first."""
    with line.connect(role=Role.PORTAL) as conn:
        here = portal_standing.one(line, conn, person_id, organization_code, at=at)
        if here is None or here.is_read_only or here.needs_code:
            why = portal_standing.why_not_own(here) or RefusalReason.CODE_FIRST
            return portal_standing.refused(
                conn, AccessKind.AGREEMENT, person_id, organization_code, why, at=at
            )
        year = academic_year.academic_year_at(at, here.time_zone)
        people.agree(conn, person_id, organization_code, year=year, at=at)
        done = Event(
            AccessKind.AGREEMENT,
            AccessOutcome.DONE,
            person_id=person_id,
            organization_code=organization_code,
        )
        access_events.note(conn, done, at=at)
    return None
