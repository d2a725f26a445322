"""`Don't have an access code`: mailed to the coordinator, referred, or confirmed by operations."""

import logging
from dataclasses import dataclass
from datetime import datetime

import psycopg

from distribution import academic_year
from distribution.access_codes import code
from distribution.channels.email import message, templates
from distribution.errors import TransientError
from distribution.ingest import rules
from distribution.jobs import code_mails
from distribution.jobs import mails as post
from distribution.jobs.code_mails import Addressee
from distribution.jobs.portal_answers import RequestAnswer, RequestText
from distribution.jobs.wiring import Line
from distribution.ledger import (
    access_events,
    code_addressees,
    code_requests,
    holders,
    locks,
    mails,
    people,
)
from distribution.ledger.access_events import Event
from distribution.ledger.code_requests import AskedFor, CodeRequest
from distribution.ledger.connection import Role
from distribution.ledger.holders import Holder
from distribution.ledger.mails import PlannedMail
from distribution.model import (
    AccessKind,
    AccessOutcome,
    PortalRole,
    RequestKind,
    RequestWay,
)

log = logging.getLogger(__name__)

OF_ONE_ADDRESS = 20  # requests within an hour
# Mails within a day that others bring to a school's contacts, and a contact to himself: more would be a
# nuisance, not help. Counted apart, or whoever asks five times cuts the coordinator off.
MAILS_A_DAY = 5
_TEXTS = {
    RequestWay.SENT: RequestText.SENT,
    RequestWay.REFERRED: RequestText.REFERRED,
    RequestWay.OPERATIONS: RequestText.OPERATIONS,
}
_LONGEST = {"name": 100, "role": 60, "message": 1000, "email": 254, "school_code": 6}


@dataclass(frozen=True, slots=True)
class _Decision:
    """Which way a request goes, and the address on file of an asker who is coordinator or alternate.

    `is_own`: the asker is signed in and stands for the school.
    """

    way: RequestWay
    text: RequestText
    email: str
    is_own: bool = False


def request_code(
    line: Line,
    *,
    person_id: int | None,
    name: str,
    email: str,
    role: str,
    school_code: str,
    message: str,
    at: datetime,
    address: str = "",
) -> RequestAnswer:
    """Take a request for a school's code; what the asker is told is `RequestText`, and it is what happens.

    Coordinator and alternate get this year's code at their address on file, minted where there is none yet.
    Anyone else is referred to the coordinator, who gets a mail; with no coordinator on file, and where the
    mail is not taken, operations look into it (3-5 business days). Someone who is not signed in reads
    `referred` also where the address is the coordinator's: nobody learns here who the coordinator is. `role`
    and `message` are the asker's own word and open nothing. A request too many is not taken, and its asker
    reads so.
    """
    given = {
        "name": name,
        "email": email.lower(),
        "role": role,
        "message": message,
        "school_code": school_code,
    }
    clean = {key: _clean(text, _LONGEST[key]) for key, text in given.items()}
    with line.connect(role=Role.PORTAL) as conn:
        _one_at_a_time(conn, clean["school_code"], address)
        decided = _decide(line, conn, person_id, clean, at=at)
        if limited := _limit_met(conn, decided, person_id, clean["school_code"], at=at, address=address):
            event = Event(AccessKind.REQUEST, AccessOutcome.LIMITED, reason=limited, address=address)
            access_events.note(conn, event, at=at)
            return RequestAnswer("", limited)
        answer = _take(conn, decided, person_id, clean, at=at, address=address)
    try:
        answer_requests(line, at=at)
    except TransientError as exc:
        log.warning("Requests for codes wait for the next morning: %s", exc)
    return _as_it_went(line, answer)


def _one_at_a_time(conn: psycopg.Connection, school_code: str, address: str) -> None:
    """Requests for one school, and from one address, are counted one after another."""
    locks.wait_in_transaction(conn, locks.SCHOOLS, school_code)
    if address:
        locks.wait_in_transaction(conn, locks.ADDRESSES, address)


def _limit_met(
    conn: psycopg.Connection,
    decided: _Decision,
    person_id: int | None,
    school_code: str,
    *,
    at: datetime,
    address: str,
) -> RequestText | None:
    """Why a request is not taken. Whom others' requests may not cut off is the contact who is signed in."""
    if decided.is_own and person_id is not None:
        own = code_requests.sendings_today(conn, school_code=school_code, person_id=person_id, at=at)
        return RequestText.SENT_BEFORE if own >= MAILS_A_DAY else None
    if access_events.requests_from(conn, address=address, at=at) >= OF_ONE_ADDRESS:
        return RequestText.TOO_MANY
    if decided.way == RequestWay.OPERATIONS:
        return None
    # Also with the coordinator's address: another limit there would tell whose address it is.
    referred = code_requests.referrals_today(conn, school_code=school_code, at=at)
    return RequestText.TOO_MANY_TODAY if referred >= MAILS_A_DAY else None


def _take(
    conn: psycopg.Connection,
    decided: _Decision,
    person_id: int | None,
    given: dict[str, str],
    *,
    at: datetime,
    address: str,
) -> RequestAnswer:
    """Record a request with the way that it goes; what its asker is told."""
    asked = AskedFor(
        reference=code.reference(),
        kind=RequestKind.CODE,
        way=decided.way,
        school_code=given["school_code"],
        person_id=person_id,
        name=given["name"],
        email=decided.email,
        role=given["role"],
        message=given["message"],
    )
    code_requests.record(conn, asked, at=at)
    event = Event(
        AccessKind.REQUEST,
        AccessOutcome.DONE,
        person_id=person_id,
        organization_code=given["school_code"],
        account=given["email"],
        address=address,
    )
    access_events.note(conn, event, at=at)
    return RequestAnswer(asked.reference, decided.text)


def _as_it_went(line: Line, answer: RequestAnswer) -> RequestAnswer:
    """The same answer, unless operations have the request by now: school closed, or mail not taken."""
    with line.connect(role=Role.PORTAL) as conn:
        way = code_requests.way_of(conn, answer.reference)
    return RequestAnswer(answer.reference, RequestText.OPERATIONS) if way == RequestWay.OPERATIONS else answer


def _clean(text: str, longest: int) -> str:
    """One line of printable text, so that no asker writes into the head or lines of a mail."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:longest]


def _decide(
    line: Line, conn: psycopg.Connection, person_id: int | None, given: dict[str, str], *, at: datetime
) -> _Decision:
    school, email = given["school_code"], given["email"]
    in_force = holders.holders(conn, [school], on=at.astimezone(line.settings.zone).date())
    bound = people.address_of(conn, person_id, school) if person_id is not None else None
    own = bound if person_id is not None else email
    if any(each.email == own for each in in_force):
        text = RequestText.SENT if bound else RequestText.REFERRED
        return _Decision(RequestWay.SENT, text, own or email, is_own=bound is not None)
    has_coordinator = any(each.role == PortalRole.COORDINATOR for each in in_force)
    way = RequestWay.REFERRED if has_coordinator else RequestWay.OPERATIONS
    return _Decision(way, _TEXTS[way], email)


def answer_requests(line: Line, *, at: datetime) -> int:
    """Plan and send what open requests ask for; done at once by the portal, and again each morning.

    Returns for how many a mail is planned. Answered is a request whose mail left, and no other: with a mail
    that waits it stays open, with one that nobody takes it goes to operations. In the pipeline's role: the
    portal can ask, not make codes.
    """
    with line.connect() as conn:
        asked = code_requests.to_answer(conn)
        found = ((request, _answer(line, conn, request, at=at)) for request in asked)
        planned = {request.request_id: mail for request, mail in found if mail is not None}
        mails.plan(conn, list(planned.values()), planned_at=at)
        for request_id, mail in planned.items():
            code_requests.note_mail(conn, request_id, mail.message_id)
    post.send_waiting(line, only=[each.message_id for each in planned.values()])
    with line.connect() as conn:
        code_requests.settle_mailed(conn)
    if asked:
        log.info("For %s requests for access codes %s mails are planned", len(asked), len(planned))
    return len(planned)


def _answer(
    line: Line, conn: psycopg.Connection, request: CodeRequest, *, at: datetime
) -> PlannedMail | None:
    """The mail that answers a request; None where contact or school ended in between: operations look."""
    on = at.astimezone(line.settings.zone).date()
    in_force = holders.holders(conn, [request.school_code], on=on)
    known = code_addressees.organization(conn, request.school_code, on=on)
    is_sent = request.way == RequestWay.SENT
    wanted = next(
        (
            each
            for each in in_force
            if (each.email == request.email if is_sent else each.role == PortalRole.COORDINATOR)
        ),
        None,
    )
    if known is None or not known.is_active or wanted is None:
        code_requests.hand_to_operations(conn, request.request_id)
        return None
    if not is_sent:
        return _referral(line, wanted, known.name, request)
    year = academic_year.academic_year_at(at, known.time_zone)
    to = Addressee(request.school_code, known.name, wanted.name, request.email, year)
    return code_mails.minted_mail(line, conn, to, occasion=request.reference)


def _referral(line: Line, coordinator: Holder, organization: str, request: CodeRequest) -> PlannedMail:
    """Without the asker's own words: name and role may hold a student's; they stand in the portal."""
    subject, body = templates.render(
        post.CODE_REFERRAL,
        portal_url=line.settings.portal_url,
        operations_email=line.settings.operations_email,
        organization=organization,
        contact_name=coordinator.name,
        asker_email=request.email if rules.is_mailbox(request.email) else "",
        reference=request.reference,
    )
    return PlannedMail(
        message_id=message.message_id(post.CODE_REFERRAL, f"{request.reference}|{coordinator.email}"),
        kind=post.CODE_REFERRAL,
        organization_code=request.school_code,
        to_address=coordinator.email,
        subject=subject,
        body=body,
    )
