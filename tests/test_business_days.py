"""Business days: weekends, federal holidays and the days that operations add."""

from datetime import date
from itertools import islice

import pytest

from distribution import business_days


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        ("2026-11-25", True),
        ("2026-11-26", False),  # Thanksgiving
        ("2026-11-27", True),  # the day after is no federal holiday
        ("2026-11-28", False),  # Saturday
        ("2026-07-03", False),  # Independence Day falls on a Saturday: observed on Friday
        ("2027-07-05", False),  # and on a Sunday: observed on Monday
        ("2026-12-25", False),
        ("2026-06-19", False),
    ],
)
def test_weekends_and_observed_federal_holidays_are_no_business_days(day, open_):
    assert business_days.is_business_day(date.fromisoformat(day)) == open_


def test_new_years_day_is_observed_in_the_old_year_when_it_falls_on_a_saturday():
    assert not business_days.is_business_day(date(2027, 12, 31))


def test_thanksgiving_weekend_skips_to_friday_and_then_to_monday():
    days = business_days.business_days_from(date(2026, 11, 25))
    assert [day.isoformat() for day in islice(days, 3)] == ["2026-11-25", "2026-11-27", "2026-11-30"]


def test_a_day_that_operations_close_is_skipped():
    closed = {date(2026, 11, 27)}
    assert business_days.next_business_day(date(2026, 11, 25), closed=closed) == date(2026, 11, 30)


def test_the_next_business_day_is_never_the_day_itself():
    assert business_days.next_business_day(date(2026, 11, 23)) == date(2026, 11, 24)
