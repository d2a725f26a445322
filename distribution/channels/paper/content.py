"""What a piece says: from deliveries to students and their scores, ready to be set. No place, no ink."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

import pandas as pd

from distribution import exams
from distribution.channels.paper import fonts
from distribution.model import Action, PostalAddress, ResultStatus

_COLUMNS = [
    "delivery_id",
    "candidate_id",
    "last_name",
    "first_name",
    "middle_name",
    "college_student_id",
    "exam_code",
    "test_date",
    "scaled_score",
    "status",
    "action",
    "result_id",
    "revision",
]


class LineKind(StrEnum):
    """What a line of a report tells its reader to do."""

    SCORE = "score"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ExamWords:
    """What the catalogue says of one exam, score and test date."""

    title: str
    credits: int | None
    essays: bool


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One delivery as a line of a report; a cancelled one carries no score."""

    delivery_id: int
    kind: LineKind
    title: str
    test_date: str
    score: str
    credits: str
    essays: bool
    other_name: str  # the name under which the test was taken, where it is not the report's


@dataclass(frozen=True, slots=True)
class Student:
    """One student's report: all the scores of this piece for a candidate id."""

    candidate_id: str
    name: str
    college_student_id: str
    lines: tuple[ScoreLine, ...]

    @property
    def scores(self) -> int:
        return sum(line.kind is not LineKind.CANCELLED for line in self.lines)

    @property
    def cancelled(self) -> int:
        return len(self.lines) - self.scores

    @property
    def kinds(self) -> frozenset[LineKind]:
        return frozenset(line.kind for line in self.lines)


@dataclass(frozen=True, slots=True)
class Piece:
    """One envelope to one institution. `number` counts from 1 in its batch; 0 = not yet in one.

    `imb`: the digits of its Intelligent Mail barcode; empty = none is printed.
    """

    di: str
    address: PostalAddress
    students: tuple[Student, ...]
    number: int = 0
    generation: int = 0
    imb: str = ""

    @property
    def reports(self) -> int:
        return sum(len(student.lines) for student in self.students)

    @property
    def scores(self) -> int:
        return sum(student.scores for student in self.students)


def exam_words(contents: pd.DataFrame) -> dict[tuple[str, str, str], ExamWords]:
    """The catalogue's words for each (exam_code, scaled_score, test_date) of a frame, looked up once each."""
    keys = contents[["exam_code", "scaled_score", "test_date"]].drop_duplicates()
    return {key: _words_of(*key) for key in keys.itertuples(index=False, name=None)}


def _words_of(exam_code: str, scaled_score: str, test_date: str) -> ExamWords:
    day = date.fromisoformat(test_date)
    essays = any(row.essay for row in exams.catalogue() if row.code == exam_code and row.in_force_on(day))
    credits = exams.recommended_credits(exam_code, int(scaled_score), day) if scaled_score else None
    return ExamWords(fonts.printable(exams.title_of(exam_code, day)), credits, essays)


def students_of(contents: pd.DataFrame, *, by: str) -> dict[str, tuple[Student, ...]]:
    """The students under each value of column `by` (`recipient`, `piece`), each with all lines by test date.

    `contents` as `ledger.deliveries.contents` gives it (all text, delivery_id int64). Neither gender nor
    birth date is read: paper does not show them.
    """
    words = exam_words(contents)
    rows = contents[[by, *_COLUMNS]].sort_values(
        [by, "candidate_id", "test_date", "exam_code", "result_id", "revision"], kind="stable"
    )
    found: dict[str, list[Student]] = {}
    for (value, candidate_id), group in groupby(
        rows.itertuples(index=False, name=None), key=lambda row: (row[0], row[2])
    ):
        found.setdefault(value, []).append(_student(candidate_id, [row[1:] for row in group], words))
    return {
        value: tuple(sorted(students, key=lambda each: (each.name.casefold(), each.candidate_id)))
        for value, students in found.items()
    }


def _student(
    candidate_id: str, rows: list[tuple], words: Mapping[tuple[str, str, str], ExamWords]
) -> Student:
    """A student under the name of the newest test; lines that came under another name say so."""
    name = name_of(*rows[-1][2:5])
    college_ids = dict.fromkeys(fonts.printable(row[5]) for row in rows if row[5])
    lines = tuple(_line(row, words, name) for row in rows)
    return Student(candidate_id, name, ", ".join(college_ids), lines)


def _line(row: tuple, words: Mapping[tuple[str, str, str], ExamWords], name: str) -> ScoreLine:
    exam_code, test_date, scaled_score, status, action = row[6:11]
    found = words[exam_code, scaled_score, test_date]
    kind = _kind_of(status, action)
    cancelled = kind is LineKind.CANCELLED
    own_name = name_of(*row[2:5])
    return ScoreLine(
        delivery_id=int(row[0]),
        kind=kind,
        title=found.title,
        test_date=test_date,
        score="" if cancelled else scaled_score,
        credits="" if cancelled else "—" if found.credits is None else str(found.credits),
        essays=found.essays,
        other_name="" if own_name == name else own_name,
    )


def _kind_of(status: str, action: str) -> LineKind:
    """A cancelled score, and one that a recipient should no longer hold, read alike: no reason is given."""
    if action == Action.CANCELLATION or status != ResultStatus.SCORED:
        return LineKind.CANCELLED
    return LineKind.CORRECTED if action == Action.CORRECTION else LineKind.SCORE


def name_of(last_name: str, first_name: str, middle_name: str) -> str:
    """A name as a registrar files it: `Nguyễn, Thị Minh`."""
    given = " ".join(filter(None, (first_name, middle_name)))
    return fonts.printable(f"{last_name}, {given}" if given else last_name)


def shares(students: Iterable[Student], sheets: Iterable[int], *, most: int) -> Iterator[tuple[Student, ...]]:
    """Students in as few envelopes as their sheets need, in order, none of them divided."""
    share: list[Student] = []
    filled = 0
    for student, needed in zip(students, sheets, strict=True):
        if share and filled + needed > most:
            yield tuple(share)
            share, filled = [], 0
        share.append(student)
        filled += needed
    if share:
        yield tuple(share)
