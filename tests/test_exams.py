"""The catalogue: credits by score, level and test date, and how long a score may be reported."""

import itertools
from datetime import date

import pytest

from distribution import exams


def test_college_mathematics_is_worth_three_credits_instead_of_six_from_may_2023_on():
    assert exams.recommended_credits("COLMAT", 50, date(2023, 4, 30)) == 6
    assert exams.recommended_credits("COLMAT", 50, date(2023, 5, 1)) == 3


@pytest.mark.parametrize(("score", "credits_"), [(49, None), (50, 6), (62, 6), (63, 9), (80, 9)])
def test_a_language_exam_is_worth_more_from_its_second_level_on(score, credits_):
    assert exams.recommended_credits("SPANSH", score, date(2026, 11, 20)) == credits_


def test_an_exam_that_is_not_on_file_recommends_nothing_and_is_named_by_its_code():
    assert exams.recommended_credits("NOSUCH", 80, date(2026, 11, 20)) is None
    assert exams.title_of("NOSUCH", date(2026, 11, 20)) == "NOSUCH"


def test_an_exam_is_named_by_its_title():
    assert exams.title_of("COLMAT", date(2026, 11, 20)) == "College Mathematics"


def test_no_two_rows_of_a_level_are_in_force_on_one_day():
    rows = sorted(exams.catalogue(), key=lambda row: (row.code, row.level or 0, row.valid_from))
    for earlier, later in itertools.pairwise(rows):
        if (earlier.code, earlier.level) == (later.code, later.level):
            assert earlier.valid_to < later.valid_from, later.code


def test_every_minimum_score_can_be_reached():
    programme = exams.programme()
    for row in exams.catalogue():
        assert programme.lowest_score <= row.minimum_score <= programme.highest_score


@pytest.mark.parametrize(
    ("tested", "last"),
    [
        ("2022-06-30", "2042-06-30"),
        ("2022-07-01", "2032-07-01"),
        ("2026-11-20", "2036-11-20"),
        ("2024-02-29", "2034-02-28"),  # 2034 is no leap year
        ("2020-02-29", "2040-02-29"),  # 2040 is one
    ],
)
def test_a_score_is_valid_ten_years_or_twenty_for_tests_before_july_2022(tested, last):
    assert exams.last_reportable_day(date.fromisoformat(tested)).isoformat() == last
