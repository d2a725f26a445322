"""When an institution wants its files: every business night or one weekday, and not while it is paused."""

import re
from datetime import date

from distribution.model import Endpoint

DAILY = "business-daily"
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI")
_FORM = re.compile(r"business-daily|weekly:(MON|TUE|WED|THU|FRI)")


def is_schedule(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def is_its_day(endpoint: Endpoint, *, on: date) -> bool:
    """True when files are built for the institution on this business date."""
    if endpoint.schedule == DAILY:
        return True
    return on.weekday() == _WEEKDAYS.index(endpoint.schedule.removeprefix("weekly:"))


def is_paused(endpoint: Endpoint, *, on: date) -> bool:
    """True before the day on which the institution is served again."""
    return endpoint.paused_until is not None and on < date.fromisoformat(endpoint.paused_until[:10])
