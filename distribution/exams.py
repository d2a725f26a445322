"""The exam catalogue and the programme's own rules, read from the data files beside this package."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

_OPEN_START, _OPEN_END = date.min, date.max


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One row of the catalogue: what is recommended for an exam, a score and a test date.

    Credits are recommended (by ACE), never awarded. `credits` is None where none is on file.
    """

    code: str
    title: str
    area: str
    essay: bool
    valid_from: date
    valid_to: date
    level: int | None
    minimum_score: int
    credits: int | None
    source: str

    def in_force_on(self, test_date: date) -> bool:
        return self.valid_from <= test_date <= self.valid_to


@dataclass(frozen=True, slots=True)
class Validity:
    """Scores of tests from `tested_from` on may be reported for `years` after the test."""

    tested_from: date
    years: int


@dataclass(frozen=True, slots=True)
class Programme:
    """What is special to the exam programme."""

    name: str
    file_prefix: str
    lowest_score: int
    highest_score: int
    retest_months: int
    validity: tuple[Validity, ...]
    no_school_codes: frozenset[str]


@cache
def catalogue() -> tuple[Recommendation, ...]:
    """Every recommendation on file, as `distribution/data/exams.csv` lists them."""
    text = resources.files("distribution").joinpath("data/exams.csv").read_text("utf-8")
    return tuple(_recommendation(row) for row in csv.DictReader(text.splitlines()))


def _recommendation(row: dict[str, str]) -> Recommendation:
    return Recommendation(
        code=row["code"],
        title=row["title"],
        area=row["area"],
        essay=row["essay"] == "yes",
        valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else _OPEN_START,
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else _OPEN_END,
        level=int(row["level"]) if row["level"] else None,
        minimum_score=int(row["minimum_score"]),
        credits=int(row["recommended_credits"]) if row["recommended_credits"] else None,
        source=row["source"],
    )


@cache
def programme() -> Programme:
    """The programme's rules, as `distribution/data/programme.yaml` states them."""
    text = resources.files("distribution").joinpath("data/programme.yaml").read_text("utf-8")
    stated: dict[str, Any] = yaml.safe_load(text)
    return Programme(
        name=stated["programme"],
        file_prefix=stated["file_prefix"],
        lowest_score=stated["scaled_score"]["lowest"],
        highest_score=stated["scaled_score"]["highest"],
        retest_months=stated["retest_months"],
        validity=tuple(
            Validity(date.fromisoformat(rule["tested_from"]), rule["years"]) for rule in stated["validity"]
        ),
        no_school_codes=frozenset(stated["no_school_codes"]),
    )


def title_of(code: str, test_date: date) -> str:
    """The exam's title on the test date, or the code itself for one that is not on file."""
    for row in catalogue():
        if row.code == code and row.in_force_on(test_date):
            return row.title
    return code


def recommended_credits(
    code: str, score: int, test_date: date, *, rows: Iterable[Recommendation] | None = None
) -> int | None:
    """The credits recommended for a score on its test date; None when the score is below every level.

    Where an exam has levels, the highest level whose minimum the score reaches counts.
    """
    reached = [
        row
        for row in (catalogue() if rows is None else rows)
        if row.code == code and row.in_force_on(test_date) and score >= row.minimum_score
    ]
    return max(reached, key=lambda row: row.minimum_score).credits if reached else None


def last_reportable_day(test_date: date, *, rules: Programme | None = None) -> date:
    """The last day on which a score may still be reported: 10 or 20 years after the test date.

    A test on 29 February counts to 28 February where the last year is no leap year.
    """
    stated = (rules or programme()).validity
    years = next(rule.years for rule in stated if test_date >= rule.tested_from)
    try:
        return test_date.replace(year=test_date.year + years)
    except ValueError:
        return test_date.replace(year=test_date.year + years, day=28)
