"""The first page of an organisation, and help."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from distribution import academic_year
from distribution.jobs import portal_access, portal_scores
from distribution.jobs.portal_access import NoticeFrequency, Refusal
from distribution.web.portal.doors import (
    NotHere,
    OwnForm,
    TheGuest,
    TheLine,
    TheOpenRoom,
    TheRoom,
    refuse_guest,
    running_year,
)
from distribution.web.portal.pages import page

router = APIRouter()


@router.get("/")
def to_own_organization(guest: TheGuest) -> Response:
    """To the scores of the guest's first organisation, or the choice where there are several."""
    organizations = guest.person.organizations
    if not organizations:
        raise NotHere
    return RedirectResponse(f"/organizations/{organizations[0].code}", status_code=303)


@router.get("/switch")
def switch_organization(request: Request, guest: TheGuest, organization: str = "") -> Response:
    """The drop-down of organisations without script: to the chosen one, whatever the page was."""
    if organization not in {each.code for each in guest.person.organizations}:
        raise refuse_guest(request, guest, organization)
    return RedirectResponse(f"/organizations/{organization}/scores", status_code=303)


@router.get("/organizations/{code}")
def show_home(request: Request, line: TheLine, room: TheOpenRoom) -> Response:
    """Home: what is new, counts alone."""
    running = running_year(line, room)
    return page(
        request,
        "home",
        tab="home",
        shown=portal_scores.counted(line, room.viewer, running.seen, year=running.year),
        running=running.year,
        last_day=academic_year.last_day(running.year),
        notice=portal_access.notices_of(line, room.guest.person.person_id).get(
            room.organization.code, NoticeFrequency.WEEKLY
        ),
        frequencies=tuple(NoticeFrequency),
        **running.values(),
    )


@router.post("/organizations/{code}/notices", dependencies=[OwnForm])
def choose_notices(line: TheLine, room: TheOpenRoom, frequency: Annotated[str, Form()] = "") -> Response:
    """How often the person hears of new scores."""
    if frequency not in tuple(NoticeFrequency):
        raise NotHere
    own = room.organization
    answered = portal_access.set_notice(line, room.guest.person.person_id, own.code, frequency, at=line.now())
    if isinstance(answered, Refusal):
        raise NotHere
    return RedirectResponse(f"/organizations/{own.code}?saved=notices", status_code=303)


@router.get("/organizations/{code}/help")
def show_help(request: Request, line: TheLine, room: TheRoom) -> Response:
    """Help: why a score may be missing, and whom to ask; also before the code is entered."""
    own = room.organization
    values = running_year(line, room).values() if own.is_open else room.values()
    return page(request, "help", tab="help", operations=line.settings.operations_email, **values)
