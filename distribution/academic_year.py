"""Academic years: 1 July to 30 June, written 2026-27, kept as the year in which they begin."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from distribution.errors import UsageError

FIRST_MONTH = 7
DEFAULT_ZONE = "America/New_York"  # of organisations that gave none (contract section 2)


def academic_year_of(day: date) -> int:
    """The academic year of a day as the calendar year in which it began (2026 for 2026-27)."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def academic_year_at(moment: datetime, zone: str) -> int:
    """The academic year that it is in a zone at a moment (aware): it turns at midnight there, not here."""
    return academic_year_of(moment.astimezone(ZoneInfo(zone or DEFAULT_ZONE)).date())


def written(year: int) -> str:
    """The academic year as people write it: 2026 → `2026-27`, 1999 → `1999-00`."""
    return f"{year}-{(year + 1) % 100:02d}"


def parsed(text: str) -> int:
    """The academic year that `2026-27` names.

    Raises UsageError when the text has another form or its two years do not follow each other.
    """
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text)
    if match is None or (int(match[1]) + 1) % 100 != int(match[2]):
        raise UsageError(f"{text!r} is no academic year. Write it as 2026-27.")
    return int(match[1])


def first_day(year: int) -> date:
    """1 July of the academic year."""
    return date(year, FIRST_MONTH, 1)


def last_day(year: int) -> date:
    """30 June of the academic year."""
    return date(year + 1, 6, 30)
