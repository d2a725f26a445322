"""Why is a score missing: a look-up on the scores tab, answered from the own schools' scores alone."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from distribution.jobs import missing_scores, portal_scores
from distribution.jobs.missing_scores import Explained
from distribution.web.portal.code_pages import plain
from distribution.web.portal.doors import OwnForm, TheLine, TheYear, Year
from distribution.web.portal.pages import page

router = APIRouter()

MISSING = "/organizations/{code}/years/{year}/missing"
_LONGEST = 100


@router.get(MISSING)
def show_look_up(request: Request, line: TheLine, shown: TheYear) -> Response:
    """The form: who, and when they tested."""
    return _page(request, line, shown)


@router.post(MISSING, dependencies=[OwnForm])
def look_up(
    request: Request,
    line: TheLine,
    shown: TheYear,
    who: Annotated[str, Form()] = "",
    tested_on: Annotated[str, Form()] = "",
) -> Response:
    """The reasons, in words; what was typed stands on the page alone, in no address and no log."""
    given = {"who": plain(who, _LONGEST), "tested_on": plain(tested_on, _LONGEST)}
    day = _day(given["tested_on"])
    # A comma alone is no word, and no word would fit everybody.
    is_there = {"who": bool(portal_scores.words_of(given["who"])), "tested_on": day is not None}
    missing = tuple(name for name, there in is_there.items() if not there)
    if missing or day is None:
        return _page(request, line, shown, given=given, missing=missing, status=422)
    explained = missing_scores.explain(line, shown.room.viewer, shown.seen, who=given["who"], tested_on=day)
    return _page(request, line, shown, given=given, explained=explained)


def _day(text: str) -> date | None:
    """The day that a browser's date field sends; None for anything else and for years that nobody means."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2100 else None


def _page(
    request: Request,
    line: TheLine,
    shown: Year,
    *,
    given: dict[str, str] | None = None,
    missing: tuple[str, ...] = (),
    explained: Explained | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "missing",
        status=status,
        tab="scores",
        given=given or {"who": "", "tested_on": ""},
        missing=missing,
        explained=explained,
        operations=line.settings.operations_email,
        **shown.values(),
    )
