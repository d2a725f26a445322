"""The scores tab: table, filters, export, and what does not belong to the school."""

import re
import secrets
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from distribution import academic_year
from distribution.jobs import portal_access, portal_scores
from distribution.jobs.portal_access import Refusal, RefusalReason
from distribution.jobs.portal_scores import MOST_ROWS, PAGE_ROWS, Asked, Sort
from distribution.jobs.portal_scores import Form as ExportForm
from distribution.jobs.wiring import Line
from distribution.ledger import portal_sessions
from distribution.ledger.connection import Role
from distribution.web.portal.doors import NotHere, OwnForm, TheLine, TheOpenRoom, TheYear, Year, refuse
from distribution.web.portal.pages import page
from distribution.web.portal.score_addresses import (
    FILTERS,
    RESULT_ID,
    Address,
    TheAddress,
    TheOpened,
    cursor_of,
)

router = APIRouter()

YEAR = "/organizations/{code}/years/{year}/scores"
_LONGEST_SEARCH = 100
_MEDIA = {
    ExportForm.CSV: "text/csv; charset=utf-8",
    ExportForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _asked(line: TheLine, shown: Year, address: Address) -> tuple[Asked, str]:
    """What the address asks for, and the words of its search."""
    words = ""
    if name := address.get("search"):
        with line.connect(role=Role.PORTAL) as conn:
            session_id = shown.room.viewer.session_id
            words = portal_sessions.search_words(conn, name, session_id=session_id)
    after, before = address.get("after"), address.get("before")
    asked = Asked(
        words=portal_scores.words_of(words),
        exam=address.get("exam"),
        funding=address.get("funding"),
        month=address.get("month"),
        school=address.get("school"),
        only_new=bool(address.get("new")),
        sort=Sort(address.get("sort") or Sort.NAME),
        descending=bool(address.get("descending")),
        cursor=cursor_of(after) if after else cursor_of(before, backwards=True),
        rows=MOST_ROWS if address.get("all") else PAGE_ROWS,
    )
    return asked, words


@router.get("/organizations/{code}/scores")
def to_running_year(request: Request, line: TheLine, room: TheOpenRoom, year: str = "") -> Response:
    """To the scores of the running year, or of the one that the drop-down names."""
    running = academic_year.academic_year_of(portal_scores.today_of(line, room.viewer))
    chosen = year if re.fullmatch(r"[0-9]{4}-[0-9]{2}", year) else academic_year.written(running)
    return RedirectResponse(f"/organizations/{room.organization.code}/years/{chosen}/scores", status_code=303)


@router.get(YEAR)
def show_scores(
    request: Request, line: TheLine, shown: TheYear, address: TheAddress, opened: TheOpened
) -> Response:
    """A page of the year's scores; each row that it shows is noted as disclosed."""
    _only_own_schools(request, shown, address)
    asked, words = _asked(line, shown, address)
    looked = portal_scores.look(line, shown.room.viewer, shown.seen, year=shown.year, asked=asked)
    rows = looked.page.rows
    return page(
        request,
        "scores",
        tab="scores",
        shown=looked,
        asked=asked,
        search_words=words,
        address=address,
        opened=opened.among(rows),
        sorts=tuple(Sort),
        most=MOST_ROWS,
        first=_place(rows[0]) if rows else "",
        last=_place(rows[-1]) if rows else "",
        **shown.values(),
    )


def _only_own_schools(request: Request, shown: Year, address: Address) -> None:
    """Raise NotHere where an address names a school that is not the organisation's to see."""
    place = address.get("after") or address.get("before")
    beside, _, result_id = place.partition(".")
    for school, result in ((address.get("school"), ""), (beside, result_id)):
        if school and school not in shown.seen.schools:
            why = RefusalReason.NOT_YOUR_ORGANIZATION
            raise refuse(request, shown.room, why, code=school, result_id=result)


def _place(row: Mapping[str, object]) -> str:
    return f"{row['school_code']}.{row['result_id']}"


@router.post(YEAR, dependencies=[OwnForm])
def narrow(
    request: Request,
    line: TheLine,
    shown: TheYear,
    address: TheAddress,
    words: Annotated[str, Form()] = "",
    exam: Annotated[str, Form()] = "",
    funding: Annotated[str, Form()] = "",
    month: Annotated[str, Form()] = "",
    school: Annotated[str, Form()] = "",
) -> Response:
    """Take the filters; what was typed is kept under a name, so that it stands in no address."""
    chosen = {"exam": exam, "funding": funding, "month": month, "school": school}
    kept = {name: value for name, value in chosen.items() if FILTERS[name].fullmatch(value)}
    typed = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    if typed:
        kept["search"] = secrets.token_urlsafe(12)
        with line.connect(role=Role.PORTAL) as conn:
            portal_sessions.keep_search(
                conn,
                search_id=kept["search"],
                session_id=shown.room.viewer.session_id,
                words=typed[:_LONGEST_SEARCH],
                at=line.now(),
            )
    order = {name: address.get(name) for name in ("sort", "descending") if address.get(name)}
    query = urlencode({**kept, **order})
    return RedirectResponse(f"{request.url.path}{'?' + query if query else ''}", status_code=303)


@router.post(YEAR + "/export", dependencies=[OwnForm])
def export(
    request: Request,
    line: TheLine,
    shown: TheYear,
    address: TheAddress,
    form: Annotated[str, Form()] = "csv",
    what: Annotated[str, Form()] = "year",
) -> Response:
    """All scores of the year, whatever the filters, or (`what` = `shown`) those that they leave."""
    if form not in tuple(ExportForm) or what not in ("year", "shown"):
        raise NotHere
    _only_own_schools(request, shown, address)
    asked = _asked(line, shown, address)[0] if what == "shown" else None
    chosen = ExportForm(form)
    viewer = shown.room.viewer
    ready = portal_scores.export_scores(line, viewer, shown.seen, year=shown.year, asked=asked, form=chosen)
    part = "-shown" if asked else ""
    name = f"scores-{shown.room.organization.code}-{academic_year.written(shown.year)}{part}.{chosen}"
    return StreamingResponse(
        ready.blocks,
        media_type=_MEDIA[chosen],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(ready.size_bytes),
        },
    )


@router.get(YEAR + "/{result_id}/not-ours")
def show_not_ours(request: Request, line: TheLine, shown: TheYear, result_id: str) -> Response:
    """Not our student: the score in question, and what happens if it is."""
    row = _one(request, line, shown, result_id)
    return page(request, "not_ours", tab="scores", row=row, **shown.values())


@router.post(YEAR + "/{result_id}/not-ours", dependencies=[OwnForm])
def mark_not_ours(request: Request, line: TheLine, shown: TheYear, result_id: str) -> Response:
    """The score leaves this school's view; operations decide."""
    _one(request, line, shown, result_id)
    own = shown.room.organization
    answered = portal_access.mark_not_our_student(
        line, shown.room.guest.person.person_id, own.code, result_id, at=line.now()
    )
    if isinstance(answered, Refusal):
        raise NotHere
    written = academic_year.written(shown.year)
    return RedirectResponse(f"/organizations/{own.code}/years/{written}/scores", status_code=303)


def _one(request: Request, line: Line, shown: Year, result_id: str) -> dict[str, object]:
    """The score that a path names. Raises NotHere for one that the organisation does not see."""
    own = shown.room.organization
    row = None
    if RESULT_ID.fullmatch(result_id) and not own.is_read_only:
        row = portal_scores.one(line, shown.room.viewer, shown.seen, year=shown.year, result_id=result_id)
    if row is None or row["school_code"] != own.code:
        raise refuse(request, shown.room, RefusalReason.NO_SUCH_RESULT)
    return row
