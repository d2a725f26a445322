"""People and access: who may sign in, who did, who exported; whom the coordinator names and removes."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from distribution.jobs import portal_access
from distribution.jobs.portal_access import Refusal, RefusalReason
from distribution.model import ContactRole
from distribution.web.portal.code_pages import plain
from distribution.web.portal.doors import OwnForm, Room, TheLine, TheOpenRoom, running_year
from distribution.web.portal.pages import page

router = APIRouter()

_LONGEST = 60
_LONGEST_ADDRESS = 254
_LARGEST_ID = 2**63 - 1  # of a bigint
_SHOWN_FOR = timedelta(days=90)  # who has no access any more, who asked for the code


@router.get("/organizations/{code}/people")
def show_people(
    request: Request,
    line: TheLine,
    room: TheOpenRoom,
    ended: Annotated[int, Query(ge=0, le=_LARGEST_ID)] = 0,
) -> Response:
    """Coordinator and alternates of the organisation. `ended`: the naming that was just taken back."""
    return _people(request, line, room, ended=ended)


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


@router.post("/organizations/{code}/people/remove", dependencies=[OwnForm])
def remove_alternate(
    request: Request,
    line: TheLine,
    room: TheOpenRoom,
    named: Annotated[int, Form(ge=0, le=_LARGEST_ID)] = 0,
) -> Response:
    """The coordinator takes back a naming, by its id; anybody else is refused."""
    own = room.organization
    answered = portal_access.remove_alternate(
        line, room.guest.person.person_id, own.code, named, at=line.now()
    )
    if isinstance(answered, Refusal):
        status = 404 if answered.reason == RefusalReason.NOT_NAMED_HERE else 403
        return _people(request, line, room, wrong="not-removed", status=status)
    return RedirectResponse(f"/organizations/{own.code}/people?ended={named}", status_code=303)


def _people(
    request: Request,
    line: TheLine,
    room: Room,
    *,
    given: dict[str, str] | None = None,
    wrong: str = "",
    ended: int = 0,
    status: int = 200,
) -> Response:
    own, now = room.organization, line.now()
    people = portal_access.people_of(line, own.code, at=now)
    addresses = {each.email for each in people}
    endings = portal_access.ended_namings(line, own.code, since=now - _SHOWN_FOR)
    return page(
        request,
        "people",
        status=status,
        tab="people",
        people=people,
        mailings=portal_access.code_mailings(line, own.through or own.code, at=now),
        askers=() if own.is_read_only else portal_access.askers_of(line, own.code, since=now - _SHOWN_FOR),
        endings=[each for each in endings if each.email not in addresses],
        just_ended=next((each for each in endings if each.named_contact_id == ended), None),
        may_name=own.role == ContactRole.COORDINATOR and not own.is_read_only,
        given=given or {"name": "", "email": ""},
        wrong=wrong,
        **running_year(line, room).values(),
    )
