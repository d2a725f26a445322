"""Requests that a person decides: operations list them, and confirm or refuse each."""

import logging
from datetime import date, datetime
from typing import Any

import psycopg

from distribution import academic_year
from distribution.errors import UsageError
from distribution.ingest import rules
from distribution.jobs import code_mails
from distribution.jobs import mails as post
from distribution.jobs.code_mails import Addressee
from distribution.jobs.wiring import Line
from distribution.ledger import code_addressees, code_requests, holders, mails, named_contacts, people
from distribution.ledger.code_requests import CodeRequest
from distribution.ledger.mails import PlannedMail
from distribution.ledger.named_contacts import NamedContact
from distribution.model import PortalRole, RequestKind, RequestState, RequestWay

log = logging.getLogger(__name__)


def listed(line: Line, *, all_of_them: bool = False) -> list[dict[str, Any]]:
    """Requests that wait for operations, or all; see `ledger.code_requests.listed`."""
    with line.connect() as conn:
        return code_requests.listed(conn, all_of_them=all_of_them)


def confirm(line: Line, reference: str, *, reason: str, by: str, at: datetime) -> dict[str, Any]:
    """Operations say that an asker is who he says he is: coordinator from today on, and the code is mailed.

    A sign-in with an address in use: the address is freed for whoever signs in with it next. Raises
    UsageError where the request does not wait for operations, its school is not on file or has a coordinator
    by now, or the asker's address is none.
    """
    on = at.astimezone(line.settings.zone).date()
    planned: list[PlannedMail] = []
    with line.connect() as conn:
        request = _waiting_request(conn, reference)
        if request.kind == RequestKind.SIGN_IN:
            people.release(conn, request.email, at=at, by=by)
        else:
            to = _confirmed(conn, request, on=on, at=at)
            named = NamedContact(
                request.school_code, PortalRole.COORDINATOR, to.name, to.email, on, by, reason
            )
            named_contacts.name_contact(conn, named, at=at)
            planned.append(code_mails.minted_mail(line, conn, to, occasion=request.reference))
            mails.plan(conn, planned, planned_at=at)
        code_requests.settle(conn, request.request_id, RequestState.CONFIRMED, at=at, by=by, reason=reason)
    post.send_waiting(line, only=[each.message_id for each in planned])
    log.info("Request %s was confirmed by %s", reference, by)
    return {"id": reference, "kind": request.kind, "state": RequestState.CONFIRMED.value}


def _confirmed(conn: psycopg.Connection, request: CodeRequest, *, on: date, at: datetime) -> Addressee:
    known = code_addressees.organization(conn, request.school_code, on=on)
    if known is None or not known.is_active:
        raise UsageError(
            f"{request.school_code} is not on file or closed. Refuse the request, or wait for the feed."
        )
    if any(each.role == PortalRole.COORDINATOR for each in holders.holders(conn, [known.code], on=on)):
        raise UsageError(
            f"{known.code} has a coordinator by now, who can name the asker. Refuse the request."
        )
    if not rules.is_mailbox(request.email):
        raise UsageError("The asker's e-mail address is none. Refuse the request and ask for another one.")
    year = academic_year.academic_year_at(at, known.time_zone)
    return Addressee(known.code, known.name, request.name or request.email, request.email, year)


def refuse(line: Line, reference: str, *, reason: str, by: str, at: datetime) -> dict[str, Any]:
    """Operations turn a request down; nothing opens. Raises UsageError where it does not wait."""
    with line.connect() as conn:
        request = _waiting_request(conn, reference)
        code_requests.settle(conn, request.request_id, RequestState.REFUSED, at=at, by=by, reason=reason)
    log.info("Request %s was refused by %s", reference, by)
    return {"id": reference, "kind": request.kind, "state": RequestState.REFUSED.value}


def _waiting_request(conn: psycopg.Connection, reference: str) -> CodeRequest:
    request = code_requests.find(conn, reference.strip().upper())
    if request is None or request.state != RequestState.OPEN or request.way != RequestWay.OPERATIONS:
        raise UsageError(f"No request {reference} waits for operations. `codes requests list` names those.")
    return request
