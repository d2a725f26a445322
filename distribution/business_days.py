"""Business days: Monday to Friday without US federal holidays, plus the days that operations add."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import cache

import holidays

from distribution.errors import UsageError


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """The observed US federal holidays of a calendar year."""
    return frozenset(holidays.country_holidays("US", years=[year]).keys())


def is_business_day(day: date, *, closed: Collection[date] = ()) -> bool:
    """True when the day is no Saturday, Sunday, federal holiday or day in `closed`."""
    return day.weekday() < 5 and day not in federal_holidays(day.year) and day not in closed


def business_days_from(day: date, *, closed: Collection[date] = ()) -> Iterator[date]:
    """The business days from `day` on, `day` itself included when it is one."""
    while True:
        if is_business_day(day, closed=closed):
            yield day
        day += timedelta(days=1)


def next_business_day(day: date, *, closed: Collection[date] = ()) -> date:
    """The first business day after `day`."""
    return next(business_days_from(day + timedelta(days=1), closed=closed))


def business_date(chosen: str | None, *, at: datetime, zone: tzinfo) -> date:
    """The date that a run is about: the chosen one (ISO), else the day in `zone` on which `at` falls.

    `at` is an aware time. Raises UsageError when what was chosen is no date.
    """
    if not chosen:
        return at.astimezone(zone).date()
    try:
        return date.fromisoformat(chosen)
    except ValueError as exc:
        raise UsageError(f"{chosen!r} is no date. Write it as 2026-11-23.") from exc
