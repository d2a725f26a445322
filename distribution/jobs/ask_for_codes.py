"""`Don't have an access code`: mailed to the coordinator, referred, or confirmed by operations."""

import logging
from dataclasses import dataclass
from datetime import datetime

import psycopg

from distribution import academic_year, exams
from distribution.access_codes import code
from distribution.channels.email import message, templates
from distribution.errors import TransientError
from distribution.jobs import code_mails
from distribution.jobs import mails as post
from distribution.jobs.code_mails import Addressee
from distribution.jobs.portal_answers import RequestAnswer, RequestText
from distribution.jobs.wiring import Line
from distribution.ledger import (
    access_events,
    code_addressees,
    code_requests,
    mails,
    people,
    portal_choices,
)
from distribution.ledger.access_events import Event
from distribution.ledger.code_requests import AskedFor, CodeRequest
from distribution.ledger.connection import Role
from distribution.ledger.mails import PlannedMail
from distribution.model import (
    AccessKind,
    AccessOutcome,
    PortalRole,
    RequestKind,
    RequestState,
    RequestWay,
)

log = logging.getLogger(__name__)

OF_ONE_ADDRESS = 20  # requests within an hour
MAILS_A_DAY = 5  # to one school: more would be a nuisance, not help
_TEXTS = {
    RequestWay.SENT: RequestText.SENT,
    RequestWay.REFERRED: RequestText.REFERRED,
    RequestWay.OPERATIONS: RequestText.OPERATIONS,
}
_LONGEST = {"name": 100, "role": 60, "message": 1000, "email": 254, "school_code": 6}


@dataclass(frozen=True, slots=True)
class _Decision:
    """Which way a request goes, and the address on file of an asker who is coordinator or alternate."""

    way: RequestWay
    text: RequestText
    email: str


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
    """Take a request for a school's code; what the asker is told is `RequestText`.

    Coordinator and alternate get this year's code at their address on file, minted where there is none yet.
    Anyone else is referred to the coordinator, who gets a mail; with no coordinator on file operations look
    into it (3-5 business days). Someone who is not signed in reads `referred` also where the address is the
    coordinator's: nobody learns here who the coordinator is. `role` and `message` are the asker's own word
    and open nothing.
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
        if access_events.requests_from(conn, address=address, at=at) >= OF_ONE_ADDRESS:
            limited = Event(AccessKind.REQUEST, AccessOutcome.LIMITED, address=address)
            access_events.note(conn, limited, at=at)
            return RequestAnswer("", RequestText.TOO_MANY)
        answer = _take(line, conn, person_id, clean, at=at, address=address)
    try:
        answer_requests(line, at=at)
    except TransientError as exc:
        log.warning("Requests for codes wait for the next morning: %s", exc)
    return answer


def _take(
    line: Line,
    conn: psycopg.Connection,
    person_id: int | None,
    given: dict[str, str],
    *,
    at: datetime,
    address: str,
) -> RequestAnswer:
    """Record a request with the way that it goes; what its asker is told."""
    decided = _decide(line, conn, person_id, given, at=at)
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


def _clean(text: str, longest: int) -> str:
    """One line of printable text, so that no asker writes into the head or lines of a mail."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:longest]


def _decide(
    line: Line, conn: psycopg.Connection, person_id: int | None, given: dict[str, str], *, at: datetime
) -> _Decision:
    school, email = given["school_code"], given["email"]
    in_force = people.holders(conn, [school], on=at.astimezone(line.settings.zone).date())
    bound = people.address_of(conn, person_id, school) if person_id is not None else None
    own = bound if person_id is not None else email
    if any(each.email == own for each in in_force):
        text = RequestText.SENT if bound else RequestText.REFERRED
        return _Decision(RequestWay.SENT, text, own or email)
    has_coordinator = any(each.role == PortalRole.COORDINATOR for each in in_force)
    way = RequestWay.REFERRED if has_coordinator else RequestWay.OPERATIONS
    return _Decision(way, _TEXTS[way], email)


def answer_requests(line: Line, *, at: datetime) -> int:
    """Plan and send what open requests ask for; done at once by the portal, and again each morning.

    Returns how many were answered. In the pipeline's role: the portal can ask, not make codes.
    """
    with line.connect() as conn:
        planned: list[PlannedMail] = []
        asked = code_requests.to_answer(conn)
        for request in asked:
            planned += _answer(line, conn, request, at=at)
        mails.plan(conn, planned, planned_at=at)
    post.send_waiting(line, only=[each.message_id for each in planned])
    if asked:
        log.info("Answered %s requests for access codes by %s mails", len(asked), len(planned))
    return len(asked)


def _answer(line: Line, conn: psycopg.Connection, request: CodeRequest, *, at: datetime) -> list[PlannedMail]:
    on = at.astimezone(line.settings.zone).date()
    in_force = people.holders(conn, [request.school_code], on=on)
    known = code_addressees.organization(conn, request.school_code, on=on)
    wanted = [
        each
        for each in in_force
        if (
            each.email == request.email
            if request.way == RequestWay.SENT
            else each.role == PortalRole.COORDINATOR
        )
    ]
    if known is None or not known.is_active or not wanted:
        code_requests.hand_to_operations(
            conn, request.request_id
        )  # the contact ended in between, or the school
        return []
    code_requests.settle(conn, request.request_id, RequestState.ANSWERED, at=request.asked_at)
    today = code_requests.asked_today(
        conn, kind=RequestKind.CODE, school_code=request.school_code, email=None, at=request.asked_at
    )
    if today > MAILS_A_DAY:
        return []
    if request.way == RequestWay.REFERRED:
        return [_referral(line, each, known.name, request) for each in wanted]
    year = academic_year.academic_year_at(at, known.time_zone)
    to = Addressee(request.school_code, known.name, wanted[0].name, request.email, year)
    return [code_mails.minted_mail(line, conn, to, occasion=request.reference)]


def _referral(line: Line, coordinator: people.Holder, organization: str, request: CodeRequest) -> PlannedMail:
    values = {
        "organization": organization,
        "contact_name": coordinator.name,
        "asker_name": request.name or "Somebody",
        "asker_email": request.email or "no address given",
        "asker_role": request.role or "none",
        "reference": request.reference,
    }
    return _mail(line, post.CODE_REFERRAL, request.school_code, coordinator.email, request.reference, values)


def tell_alternates(line: Line, *, at: datetime) -> int:
    """Tell each newly named alternate by mail how to get in. Returns how many were told."""
    try:
        with line.connect() as conn:
            planned = []
            for each in portal_choices.untold(conn):
                values = {
                    "organization": each.organization,
                    "contact_name": each.name,
                    "programme": exams.programme().name,
                }
                key = str(each.named_contact_id)
                planned.append(
                    _mail(line, post.ALTERNATE_NAMED, each.organization_code, each.email, key, values)
                )
                portal_choices.mark_told(conn, each.named_contact_id, at=at)
            mails.plan(conn, planned, planned_at=at)
        post.send_waiting(line, only=[each.message_id for each in planned])
    except TransientError as exc:
        log.warning("Alternates are told the next morning: %s", exc)
        return 0
    return len(planned)


def _mail(line: Line, kind: str, organization: str, to: str, key: str, values: dict[str, str]) -> PlannedMail:
    subject, body = templates.render(
        kind,
        portal_url=line.settings.portal_url,
        operations_email=line.settings.operations_email,
        **values,
    )
    return PlannedMail(
        message_id=message.message_id(kind, f"{key}|{to}"),
        kind=kind,
        organization_code=organization,
        to_address=to,
        subject=subject,
        body=body,
    )
