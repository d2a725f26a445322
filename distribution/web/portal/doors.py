"""Who stands at the door: the session of a request, its person, and the organisation that was asked for."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Form, Request
from fastapi.concurrency import run_in_threadpool

from distribution import academic_year
from distribution.errors import PermanentError, UsageError
from distribution.jobs import portal_access, portal_scores
from distribution.jobs.portal_access import Asked, Organization, Person, RefusalReason
from distribution.jobs.portal_scores import Seen, Viewer
from distribution.jobs.wiring import Line
from distribution.ledger.portal_sessions import Ending, Session
from distribution.web import csrf, sessions

log = logging.getLogger(__name__)

_ORGANIZATION_CODE, _ACADEMIC_YEAR, _RESULT_ID = 6, 7, 32  # characters (contract section 2)


class NotSignedIn(PermanentError):
    """The page needs a session; `ended`: there was one, and it is over."""

    code = "not-signed-in"

    def __init__(self, *, ended: bool = False):
        self.ended = ended
        super().__init__("Sign in first.")


class NotHere(PermanentError):
    """There is no such page, or not for this person: the answer is the same."""

    code = "not-here"

    def __init__(self) -> None:
        super().__init__("This page does not exist, or you may not see it.")


class CodeNeeded(PermanentError):
    """The year's code, or the agreement, comes before the organisation's pages."""

    code = "code-needed"

    def __init__(self, organization: Organization):
        self.organization = organization
        super().__init__("Enter this year's access code first.")


@dataclass(frozen=True, slots=True)
class Guest:
    """Who sent a request."""

    token: str = field(repr=False)
    session: Session
    person: Person


@dataclass(frozen=True, slots=True)
class Room:
    """An organisation that a guest may open, and the guest."""

    guest: Guest
    organization: Organization
    viewer: Viewer

    def values(self) -> dict[str, Any]:
        """What every page of an organisation is told."""
        return {
            "session_token": self.guest.token,
            "guest": self.guest.person,
            "organization": self.organization,
            "zone": self.viewer.zone,
        }


# Dependencies that wait for nothing are coroutines: a plain function costs a way to another thread and back.
async def line_of(request: Request) -> Line:
    return _line(request)


def _line(request: Request) -> Line:
    line: Line = request.app.state.line
    return line


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy uvicorn has put the visitor's address there."""
    return request.client.host if request.client else ""


TheLine = Annotated[Line, Depends(line_of)]


def guest_of(request: Request, line: TheLine) -> Guest:
    """The guest of a request. Raises NotSignedIn; rights that ended end every session of the person."""
    token = request.cookies.get(sessions.COOKIE, "")
    if not token:
        raise NotSignedIn
    found = sessions.read(line, token)
    if found is None:
        raise NotSignedIn(ended=True)
    session, person = found
    if person is None:
        sessions.end(line, session, because=Ending.RIGHTS_ENDED)
        log.warning("Person %s has no organisation any more: sessions ended", session.person_id)
        raise NotSignedIn(ended=True)
    return Guest(token, session, person)


TheGuest = Annotated[Guest, Depends(guest_of)]


async def room_of(request: Request, guest: TheGuest, code: str) -> Room:
    """The organisation of the path, whatever it still needs. Raises NotHere for one not the guest's."""
    for organization in guest.person.organizations:
        if organization.code == code:
            return Room(guest, organization, _viewer(guest, organization))
    raise await run_in_threadpool(refuse_guest, request, guest, code)


TheRoom = Annotated[Room, Depends(room_of)]


async def open_room_of(room: TheRoom) -> Room:
    """The organisation of the path with code and agreement in order. Raises CodeNeeded."""
    if room.organization.needs_code or room.organization.needs_agreement:
        raise CodeNeeded(room.organization)
    return room


TheOpenRoom = Annotated[Room, Depends(open_room_of)]


@dataclass(frozen=True, slots=True)
class Year:
    """An open organisation in an academic year that it may look at."""

    room: Room
    year: int
    seen: Seen

    def values(self) -> dict[str, Any]:
        return {**self.room.values(), "year": self.year, "years": self.seen.years}


def running_year(line: Line, room: Room) -> Year:
    """What a page of an open organisation needs that names no year: the running one."""
    seen = portal_scores.seen_by(line, room.viewer)
    return Year(room, academic_year.academic_year_of(seen.on), seen)


def year_of(request: Request, line: TheLine, room: TheOpenRoom, year: str) -> Year:
    """The academic year of the path. Raises NotHere for one that has nothing to show."""
    try:
        first = academic_year.parsed(year)
    except UsageError as exc:
        raise NotHere from exc
    seen = portal_scores.seen_by(line, room.viewer)
    if first not in seen.years:
        raise refuse(request, room, RefusalReason.NO_SUCH_RESULT)
    return Year(room, first, seen)


TheYear = Annotated[Year, Depends(year_of)]


def refuse(
    request: Request, room: Room, why: RefusalReason, *, code: str = "", result_id: str = ""
) -> NotHere:
    """Note among the refused accesses what was asked of an organisation; the answer to raise.

    `code`, `result_id`: where others than those of the path were asked for.
    """
    _refuse(request, room.guest, code or room.organization.code, why, result_id=result_id)
    return NotHere()


def refuse_guest(request: Request, guest: Guest, code: str) -> NotHere:
    """Note that a guest asked for an organisation that is not the guest's; the answer to raise."""
    _refuse(request, guest, code, RefusalReason.NOT_YOUR_ORGANIZATION)
    return NotHere()


def _refuse(request: Request, guest: Guest, code: str, why: RefusalReason, *, result_id: str = "") -> None:
    line = _line(request)
    in_path = request.path_params
    asked = Asked(
        organization_code=_id_in(code, longest=_ORGANIZATION_CODE),
        page=f"{request.method} {getattr(request.scope.get('route'), 'path', '?')}",
        academic_year=_id_in(in_path.get("year", ""), longest=_ACADEMIC_YEAR),
        result_id=_id_in(result_id or in_path.get("result_id", ""), longest=_RESULT_ID),
    )
    portal_access.note_refused(
        line, guest.person.person_id, asked, why, at=line.now(), address=address_of(request)
    )


def _id_in(text: str, *, longest: int) -> str:
    """What stood in an address, if it can be an id; a word without a digit may be a student's name."""
    if not text:
        return ""
    is_id = len(text) <= longest and text.isascii() and text.replace("-", "").isalnum()
    return text if is_id and any(letter.isdigit() for letter in text) else "?"


def _viewer(guest: Guest, organization: Organization) -> Viewer:
    try:
        zone = ZoneInfo(organization.time_zone or "America/New_York")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("America/New_York")
    return Viewer(
        person_id=guest.person.person_id,
        session_id=guest.session.session_id,
        email=guest.person.email,
        organization_code=organization.code,
        zone=zone,
    )


async def own_form(
    request: Request, guest: TheGuest, form_token: Annotated[str, Form(alias=csrf.FIELD)] = ""
) -> None:
    """Raise ForeignForm unless a page of this session sent the form."""
    assert_own(request, form_token, guest.token)


def assert_own(request: Request, form_token: str, session_token: str) -> None:
    """The same for a form before the sign-in, whose session is the visitor's cookie."""
    csrf.assert_own(
        origin=request.headers.get("origin"),
        referer=request.headers.get("referer"),
        allowed=_origins(request),
        token=form_token,
        session_token=session_token,
    )


OwnForm = Depends(own_form)


def _origins(request: Request) -> tuple[str, ...]:
    settings: Mapping[str, str] = {"url": request.app.state.line.settings.portal_url}
    return (f"{request.url.scheme}://{request.url.netloc}", settings["url"].rstrip("/"))
