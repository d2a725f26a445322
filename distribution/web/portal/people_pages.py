"""People and access: who may sign in, who did, and who exported; the coordinator names the alternate."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from distribution.jobs import portal_access
from distribution.jobs.portal_access import Refusal
from distribution.model import ContactRole
from distribution.web.portal.code_pages import plain
from distribution.web.portal.doors import OwnForm, Room, TheLine, TheOpenRoom, running_year
from distribution.web.portal.pages import page

router = APIRouter()

_LONGEST = 60
_LONGEST_ADDRESS = 254


@router.get("/organizations/{code}/people")
def show_people(request: Request, line: TheLine, room: TheOpenRoom) -> Response:
    """Coordinator and alternates of the organisation."""
    return _people(request, line, room)


@router.post("/organizations/{code}/people", dependencies=[OwnForm])
def name_alternate(
    request: Request,
    line: TheLine,
    room: TheOpenRoom,
    name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
) -> Response:
    """The coordinator names the alternate; anybody else is refused."""
    given = {"name": plain(name, _LONGEST), "email": plain(email, _LONGEST_ADDRESS)}
    if not given["name"] or given["email"].count("@") != 1:
        return _people(request, line, room, given=given, wrong="incomplete", status=422)
    answered = portal_access.name_alternate(
        line, room.guest.person.person_id, room.organization.code, at=line.now(), **given
    )
    if isinstance(answered, Refusal):
        return _people(request, line, room, given=given, wrong="refused", status=403)
    return RedirectResponse(f"/organizations/{room.organization.code}/people", status_code=303)


def _people(
    request: Request,
    line: TheLine,
    room: Room,
    *,
    given: dict[str, str] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    own = room.organization
    return page(
        request,
        "people",
        status=status,
        tab="people",
        people=portal_access.people_of(line, own.code, at=line.now()),
        mailings=portal_access.code_mailings(line, own.through or own.code, at=line.now()),
        may_name=own.role == ContactRole.COORDINATOR and not own.is_read_only,
        given=given or {"name": "", "email": ""},
        wrong=wrong,
        **running_year(line, room).values(),
    )
