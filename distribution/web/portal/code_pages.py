"""The year's code and the agreement; and what to do without a code."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from distribution import academic_year
from distribution.jobs import portal_access, portal_scores
from distribution.jobs.portal_access import NotAccepted, NotAcceptedReason, Refusal
from distribution.web import csrf, sessions
from distribution.web.portal.doors import (
    Guest,
    NotHere,
    NotSignedIn,
    OwnForm,
    Room,
    TheLine,
    TheRoom,
    address_of,
    assert_own,
    guest_of,
)
from distribution.web.portal.pages import page

router = APIRouter()

_LONGEST = 60
_LONGEST_ADDRESS = 254
_LONGEST_MESSAGE = 1_000


@router.get("/organizations/{code}/code")
def show_code(request: Request, line: TheLine, room: TheRoom) -> Response:
    """Enter access code."""
    if not room.organization.needs_code:
        return RedirectResponse(f"/organizations/{room.organization.code}", status_code=303)
    return _code_form(request, line, room)


@router.post("/organizations/{code}/code", dependencies=[OwnForm])
def take_code(
    request: Request, line: TheLine, room: TheRoom, access_code: Annotated[str, Form()] = ""
) -> Response:
    """Redeem the code that was typed; unknown, expired and foreign ones read the same."""
    own = room.organization
    if not own.needs_code:
        return RedirectResponse(f"/organizations/{own.code}", status_code=303)
    answered = portal_access.redeem(
        line,
        room.guest.person.person_id,
        own.through or own.code,
        plain(access_code, _LONGEST),
        at=line.now(),
        address=address_of(request),
    )
    if isinstance(answered, NotAccepted):
        if answered.reason == NotAcceptedReason.TOO_MANY:
            return _code_form(request, line, room, wrong="too-many", retry_at=answered.retry_at, status=429)
        return _code_form(request, line, room, wrong="not-accepted", status=422)
    return RedirectResponse(f"/organizations/{own.code}/agreement", status_code=303)


def _code_form(
    request: Request,
    line: TheLine,
    room: Room,
    *,
    wrong: str = "",
    retry_at: object = None,
    status: int = 200,
) -> Response:
    running = academic_year.academic_year_of(portal_scores.today_of(line, room.viewer))
    own = room.organization
    return page(
        request,
        "code",
        mailings=portal_access.code_mailings(line, own.through or own.code, at=line.now()),
        status=status,
        wrong=wrong,
        retry_at=retry_at,
        running=running,
        last_day=academic_year.last_day(running),
        **room.values(),
    )


@router.get("/organizations/{code}/agreement")
def show_agreement(request: Request, line: TheLine, room: TheRoom) -> Response:
    """The agreement to confidentiality, once a year."""
    own = room.organization
    if own.needs_code:
        return RedirectResponse(f"/organizations/{own.code}/code", status_code=303)
    if not own.needs_agreement:
        return RedirectResponse(f"/organizations/{own.code}", status_code=303)
    return _agreement_form(request, line, room)


@router.post("/organizations/{code}/agreement", dependencies=[OwnForm])
def agree(request: Request, line: TheLine, room: TheRoom, agreed: Annotated[str, Form()] = "") -> Response:
    """Note the agreement; the organisation is open then."""
    own = room.organization
    if own.needs_code:
        return RedirectResponse(f"/organizations/{own.code}/code", status_code=303)
    if not agreed:
        return _agreement_form(request, line, room, wrong=True, status=422)
    answered = portal_access.agree(line, room.guest.person.person_id, own.through or own.code, at=line.now())
    if isinstance(answered, Refusal):
        raise NotHere
    return RedirectResponse(f"/organizations/{own.code}/scores", status_code=303)


def _agreement_form(
    request: Request, line: TheLine, room: Room, *, wrong: bool = False, status: int = 200
) -> Response:
    running = academic_year.academic_year_of(portal_scores.today_of(line, room.viewer))
    return page(request, "agreement", status=status, wrong=wrong, running=running, **room.values())


def _guest_if_any(request: Request, line: TheLine) -> Guest | None:
    try:
        return guest_of(request, line)
    except NotSignedIn:
        return None


AnyGuest = Annotated[Guest | None, Depends(_guest_if_any)]


@router.get("/no-code")
def show_request(request: Request, guest: AnyGuest, school: str = "") -> Response:
    """Don't have an access code: the form to ask for one, signed in or not."""
    return _request_form(request, guest, given={"school_code": plain(school, 6)})


@router.post("/no-code")
def ask_for_code(
    request: Request,
    line: TheLine,
    guest: AnyGuest,
    name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    school_code: Annotated[str, Form()] = "",
    message: Annotated[str, Form()] = "",
    form_token: Annotated[str, Form(alias=csrf.FIELD)] = "",
) -> Response:
    """Ask for a code; the page says what happens next and never who the coordinator is."""
    assert_own(
        request, form_token, guest.token if guest else request.cookies.get(sessions.VISITOR_COOKIE, "")
    )
    given = {
        "name": plain(name, _LONGEST),
        "email": plain(email, _LONGEST_ADDRESS) or (guest.person.email if guest else ""),
        "role": plain(role, _LONGEST),
        "school_code": plain(school_code, 6).upper(),
        "message": plain(message, _LONGEST_MESSAGE),
    }
    missing = [field for field in ("name", "email", "role", "school_code") if not given[field]]
    if given["email"] and given["email"].count("@") != 1:
        missing.append("email")
    if missing:
        return _request_form(request, guest, given=given, missing=tuple(missing), status=422)
    answered = portal_access.request_code(
        line,
        person_id=guest.person.person_id if guest else None,
        at=line.now(),
        address=address_of(request),
        **given,
    )
    return page(
        request,
        "requested",
        session_token=guest.token if guest else "",
        guest=guest.person if guest else None,
        answered=answered,
        operations=line.settings.operations_email,
    )


def _request_form(
    request: Request,
    guest: Guest | None,
    *,
    given: dict[str, str],
    missing: tuple[str, ...] = (),
    status: int = 200,
) -> Response:
    visitor = request.cookies.get(sessions.VISITOR_COOKIE, "") or sessions.new_visitor()
    empty = {"name": "", "email": "", "role": "", "school_code": "", "message": ""}
    answer = page(
        request,
        "no_code",
        session_token=guest.token if guest else visitor,
        status=status,
        guest=guest.person if guest else None,
        given={**empty, **given},
        missing=missing,
    )
    if guest is None:
        sessions.give(answer, request, sessions.VISITOR_COOKIE, visitor)
    return answer


def plain(text: str, longest: int) -> str:
    """What was typed, on one line and without characters that are none."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:longest]
