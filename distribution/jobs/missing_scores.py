"""Why is a score missing: what a coordinator is told, from the own schools' rows and the calendar alone."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice

from distribution import academic_year, exams
from distribution.business_days import business_days_from
from distribution.channels.portal import access, missing
from distribution.channels.portal.missing import Fitting
from distribution.channels.portal.questions import Question, Reader
from distribution.jobs.portal_scores import Seen, Viewer, words_of
from distribution.jobs.wiring import Line
from distribution.ledger.connection import Role
from distribution.model import ResultStatus

# A score is released one business day after it was scored; most exams are scored on the spot.
_BUSINESS_DAYS = 2
_WITH_ESSAY = timedelta(weeks=3)


class Reason(StrEnum):
    """Why a score is not where it was looked for, or that it is there; the likeliest come first."""

    HERE = "here"
    WITHHELD = "withheld"
    CANCELLED = "cancelled"
    OTHER_DATE = "other-date"
    MARKED = "marked"
    NOT_YET_TESTED = "not-yet-tested"
    TOO_OLD = "too-old"
    TOO_EARLY = "too-early"
    ESSAY = "essay"
    TYPED_OTHERWISE = "typed-otherwise"
    NOT_NAMED = "not-named"
    UNDER_REVIEW = "under-review"


# What may be so of any student, on file or not: told whatever is on file elsewhere.
_ANYBODY = (Reason.TYPED_OTHERWISE, Reason.NOT_NAMED, Reason.UNDER_REVIEW)


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer: reasons in order; `years` in which a fitting score is listed, and days for the reasons."""

    reasons: tuple[Reason, ...]
    years: tuple[int, ...] = ()
    expected_by: date | None = None
    expected_with_essay_by: date | None = None
    marked_at: datetime | None = field(default=None)


def explain(line: Line, viewer: Viewer, seen: Seen, *, who: str, tested_on: date) -> Explained:
    """Look a score up by name or id and test date, and say why it may be missing.

    Asked in the portal's role for the viewer's own schools: whether a student is on file for another school
    makes no difference to the answer, nor to the way there.
    """
    year = academic_year.academic_year_of(tested_on)
    question = Question(schools=seen.schools, year=year, on=seen.on, words=words_of(who))
    reader = Reader(viewer.actor, "portal look-up")
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, seen.schools):
        fitting = missing.fitting(conn, question, reader=reader, years=(year, year + 1, year - 1))
        marked_at = missing.marked(conn, question, on=tested_on)
    return decide(fitting, marked_at, tested_on=tested_on, on=seen.on)


def decide(fitting: list[Fitting], marked_at: datetime | None, *, tested_on: date, on: date) -> Explained:
    """The answer to a look-up of a test on `tested_on`, given on the day `on`."""
    there = [each for each in fitting if each.test_date == tested_on]
    if there:
        reasons = tuple(dict.fromkeys(_status_of(each) for each in there))
        return Explained(reasons, years=_years(there))
    explained = _by_calendar(tested_on, on)
    told: tuple[Reason, ...] = ()
    if fitting:
        told += (Reason.OTHER_DATE,)
    if marked_at is not None:
        told += (Reason.MARKED,)
    return replace(explained, reasons=(*told, *explained.reasons), years=_years(fitting), marked_at=marked_at)


def _status_of(found: Fitting) -> Reason:
    return {
        ResultStatus.CANCELLED.value: Reason.CANCELLED,
        ResultStatus.WITHHELD.value: Reason.WITHHELD,
    }.get(found.status, Reason.HERE)


def _years(fitting: list[Fitting]) -> tuple[int, ...]:
    return tuple(sorted({each.academic_year for each in fitting}, reverse=True))


def _by_calendar(tested_on: date, on: date) -> Explained:
    """What day and test date alone say."""
    if tested_on > on:
        return Explained((Reason.NOT_YET_TESTED,))
    if exams.last_reportable_day(tested_on) < on:
        return Explained((Reason.TOO_OLD,))
    by = next(islice(business_days_from(tested_on + timedelta(days=1)), _BUSINESS_DAYS - 1, None))
    with_essay_by = tested_on + _WITH_ESSAY
    waiting = tuple(
        reason for reason, day in ((Reason.TOO_EARLY, by), (Reason.ESSAY, with_essay_by)) if on <= day
    )
    return Explained((*waiting, *_ANYBODY), expected_by=by, expected_with_essay_by=with_essay_by)
