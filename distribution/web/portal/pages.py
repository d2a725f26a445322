"""Pages: templates below `templates/portal/`, and how days, years and counts are written in them."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from distribution import academic_year, exams
from distribution.web import csrf

_TEMPLATES = Path(__file__).resolve().parents[3] / "templates" / "portal"
_PAID_BY = {
    "voucher": "School voucher",
    "self": "Self-paid",
    "dantes": "DANTES",
    "other": "Other funded",
}


def page(
    request: Request, name: str, *, session_token: str = "", status: int = 200, **values: Any
) -> HTMLResponse:
    """The page `templates/portal/<name>.html`; its forms carry the token of this session."""
    template = environment().get_template(f"{name}.html")
    given = {"guest": None, "organization": None, "years": (), "year": None, "tab": "", **values}
    content = template.render(
        form_token=csrf.token_of(session_token) if session_token else "",
        programme=exams.programme().name,
        path=request.url.path,
        **given,
    )
    return HTMLResponse(content, status_code=status)


@cache
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        day=day,
        moment=moment,
        month=month,
        year=lambda first: academic_year.written(first),
        year_dash=lambda first: academic_year.written(first).replace("-", "–"),
        number=lambda count: f"{count:,}",
        counted=counted,
        paid_by=lambda funding: _PAID_BY.get(funding, funding),
        student=student,
        because=because,
    )
    return env


def day(value: date) -> str:
    """`Nov 19, 2026`."""
    return f"{value:%b} {value.day}, {value.year}"


def moment(value: datetime, zone: ZoneInfo) -> str:
    """`Nov 19, 2026, 6:04 a.m. EST`."""
    there = value.astimezone(zone)
    half = "a.m." if there.hour < 12 else "p.m."
    return f"{day(there)}, {there.hour % 12 or 12}:{there:%M} {half} {there:%Z}"


def month(value: str) -> str:
    """`2026-11` → `November 2026`."""
    return f"{date.fromisoformat(value + '-01'):%B %Y}"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 score`, `1,208 scores`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def student(row: Mapping[str, Any]) -> str:
    """`Abara, Chidi O.`: the middle name as its initial."""
    first = row["first_name"] + (f" {row['middle_name'][0]}." if row["middle_name"] else "")
    return f"{row['last_name']}, {first}" if first else row["last_name"]


_REASONS = {
    "voucher": "Your voucher paid for the exam",
    "attending": "The student named your school",
    "recipient": "The student chose you as a recipient",
    "transcript": "The student asked for a transcript",
    "resend": "Sent again",
}


def because(reasons: str) -> str:
    """Why a school sees a score, in a sentence."""
    return "; ".join(_REASONS.get(reason, reason) for reason in reasons.split())
