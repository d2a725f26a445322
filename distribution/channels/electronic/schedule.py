"""When an institution wants its files: every business night or one weekday, and not while it is paused."""

import re
from datetime import date, timedelta

from distribution.business_days import is_business_day, next_business_day
from distribution.model import Endpoint

DAILY = "business-daily"
FOR_EVER = "9999-12-31"  # the end of a pause that somebody must end
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI")
_FORM = re.compile(r"business-daily|weekly:(MON|TUE|WED|THU|FRI)")


def is_schedule(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def is_its_day(endpoint: Endpoint, *, on: date) -> bool:
    """True when files are built for the institution on this business date.

    A weekly day that is a holiday is made up for on the next business day.
    """
    if endpoint.schedule == DAILY:
        return True
    weekday = _WEEKDAYS.index(endpoint.schedule.removeprefix("weekly:"))
    nominal = on - timedelta(days=(on.weekday() - weekday) % 7)
    return on == nominal or (not is_business_day(nominal) and on == next_business_day(nominal))


def is_paused(endpoint: Endpoint, *, on: date) -> bool:
    """True before the day on which the institution is served again."""
    return endpoint.paused_until is not None and on < date.fromisoformat(endpoint.paused_until[:10])
