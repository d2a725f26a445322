"""A question about a year of schools' scores, asked alike by the table, its counts and the export."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from distribution.model import Action, ResultStatus

COMBINING_MARKS = "[\u0300-\u036f]"


class Sort(StrEnum):
    """By what the rows are ordered; names break ties, so that every order is a whole one."""

    NAME = "name"
    EXAM = "exam"
    SCORE = "score"
    TESTED = "tested"
    FUNDING = "funding"


# What leads the order, by sort; without one the names do.
LEADING = {
    Sort.EXAM: "s.exam_title",
    Sort.SCORE: "coalesce(s.scaled_score, -1)",
    Sort.TESTED: "s.test_date",
    Sort.FUNDING: "s.funding",
}
# The name of a row's school, looked up among the parameters: a join would cost the order of the index.
SCHOOL_NAME = "coalesce((%(names)s::text[])[array_position(%(codes)s::text[], s.school_code)], '')"
# By last and first name as people look them up; the result makes a whole order of equal ones.
TAIL = ("s.name_key", "s.result_id", "s.school_code")


@dataclass(frozen=True, slots=True)
class Question:
    """Which scores are asked for: `schools` (code → name) in an academic year, narrowed where a field is set.

    `on`: what may no longer be reported that day is left out. `words` are found in names (accents and case
    do not matter) and in ids of candidate, student and result; all of them must be there. `month` is
    `2026-11`.
    `since`: only what was new to the school after that moment.
    """

    schools: Mapping[str, str] = field(repr=False)
    year: int
    on: date
    words: tuple[str, ...] = field(default=(), repr=False)
    exam: str = ""
    funding: str = ""
    month: str = ""
    school: str = ""
    since: datetime | None = None
    sort: Sort = Sort.NAME
    descending: bool = False

    def whole_year(self) -> "Question":
        """The same year and schools without any filter, in order of names."""
        return Question(schools=self.schools, year=self.year, on=self.on)

    @property
    def parameters(self) -> dict[str, Any]:
        codes = sorted(self.schools)
        return {
            "codes": codes,
            "names": [self.schools[code] for code in codes],
            "year": self.year,
            "on": self.on,
            "words": [word.lower() for word in self.words],
            "exam": self.exam,
            "funding": self.funding,
            "month": self.month,
            "school": self.school,
            "since": self.since,
            "marks": COMBINING_MARKS,
            "new": Action.NEW,
            "scored": ResultStatus.SCORED,
        }


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: how the disclosures name them, and what they were shown."""

    actor: str
    artefact: str


def rows_asked_for(question: Question) -> str:
    """FROM and WHERE of a question; `s` is the row. Values are parameters."""
    conditions = [
        "s.school_code = ANY(%(codes)s::text[])",
        "s.academic_year = %(year)s",
        "s.reportable_until >= %(on)s",
    ]
    if question.words:
        conditions.append(matches())
    if question.exam:
        conditions.append("s.exam_code = %(exam)s")
    if question.funding:
        conditions.append("s.funding = %(funding)s")
    if question.month:
        conditions.append("to_char(s.test_date, 'YYYY-MM') = %(month)s")
    if question.school:
        conditions.append("s.school_code = %(school)s")
    if question.since is not None:
        conditions.append("s.staged_at > %(since)s AND s.action = %(new)s")
    return f"""
FROM portal.score AS s
WHERE {" AND ".join(conditions)}
"""


def matches() -> str:
    """The condition that all words stand in names or ids, whatever their accents and case."""
    return """NOT EXISTS (
        SELECT FROM unnest(%(words)s::text[]) AS w (word)
        WHERE strpos(regexp_replace(normalize(lower(concat_ws(' ', s.last_name, s.first_name, s.middle_name,
                                    s.candidate_id, s.local_student_id, s.result_id)), NFD),
                                    %(marks)s, '', 'g'),
                     regexp_replace(normalize(w.word, NFD), %(marks)s, '', 'g')) = 0)"""


def order_of(question: Question, *, backwards: bool = False) -> str:
    """ORDER BY of a question; `backwards` for the page before a row."""
    lead, down = LEADING.get(question.sort), question.descending
    ways = [(column, (down and lead is None) != backwards) for column in TAIL]
    if lead is not None:
        ways.insert(0, (lead, down != backwards))
    return "ORDER BY " + ", ".join(f"{column} {'DESC' if falls else 'ASC'}" for column, falls in ways)
