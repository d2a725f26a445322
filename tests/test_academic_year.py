"""Academic years turn on 1 July."""

from datetime import date

import pytest

from distribution import academic_year
from distribution.errors import UsageError


@pytest.mark.parametrize(("day", "year"), [("2026-06-30", "2025-26"), ("2026-07-01", "2026-27")])
def test_the_academic_year_turns_on_july_first(day, year):
    assert academic_year.written(academic_year.academic_year_of(date.fromisoformat(day))) == year


def test_a_year_is_read_back_as_it_is_written():
    assert academic_year.parsed("2027-28") == 2027
    assert academic_year.parsed("1999-00") == 1999


@pytest.mark.parametrize("text", ["2027", "2027-29", "27-28", "2027-2028", ""])
def test_a_year_in_another_form_is_refused_with_the_right_one(text):
    with pytest.raises(UsageError, match="2026-27"):
        academic_year.parsed(text)
