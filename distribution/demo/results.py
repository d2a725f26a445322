"""The first revisions of a day: who sat which exam, who paid, who gets the score."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from distribution import exams
from distribution.demo.chance import Cells, Chance, cells, pick
from distribution.demo.orders import Order, orders_of
from distribution.demo.organizations import Directory
from distribution.demo.people import SHOWCASE, draw_names
from distribution.demo.recipients import draw_recipients, draw_schools
from distribution.demo.result_rows import ResultRows

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Days = np.ndarray[Any, np.dtype[np.datetime64]]
RETURNING = 3  # candidates right after the showcase who also bring in a test of 10 to 20 years ago
FAULT_NUMBERS = 9_000_000  # results from here on are the ones that are wrong on purpose
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class World:
    """What all days of one seed share."""

    seed: int
    directory: Directory

    def orders(self, day: date) -> list[Order]:
        """The voucher orders that are on file on a day."""
        return orders_of(self.directory, until=day)

    @property
    def letters(self) -> str:
        """The seed as it stands in ids, at least three characters."""
        digits, rest = "", self.seed
        while rest:
            rest, digit = divmod(rest, 36)
            digits = _BASE36[digit] + digits
        return digits.rjust(3, "0")

    def result_prefix(self, day: date) -> str:
        """How every result id of a day begins; no other seed, day or directory kind shares it."""
        return f"{day:%Y%m%d}-{self.letters}{self.directory.tag}-"


def first_showcase_free_row() -> int:
    """The first row that neither the showcase nor the returning candidates use."""
    return len(SHOWCASE) + 2 * RETURNING


def draw_results(world: World, day: date, count: int, *, faults: bool = False) -> ResultRows:
    """The first `count` results of a day, each with revision 1; row n is the same whatever the count.

    With `faults` another set with ids of its own, still right, to be made wrong by the caller.
    """
    chance = Chance(world.seed, day, "faults" if faults else "")
    sittings = _sittings(chance, count, showcase=not faults)
    last, first, middle, gender = draw_names(chance, sittings.persons)
    _show(last, first, middle, sittings.shown)
    tested = np.datetime_as_string(sittings.tested).astype(object)
    status, score = _scores(chance, count, settled=max(sittings.shown, sittings.settled))
    funding, order, school = draw_schools(chance, world.directory, world.orders(day), count, sittings.shown)
    recipient_1, recipient_2 = draw_recipients(chance, world.directory, count, sittings.shown)
    optional = _optional_columns(chance, sittings.persons, school)
    numbers = range(FAULT_NUMBERS, FAULT_NUMBERS + count) if faults else range(count)
    prefix = world.result_prefix(day)
    return ResultRows(
        {
            "result_id": _texts(f"{prefix}{number:07d}" for number in numbers),
            "revision": cells(count, "1"),
            "status": status,
            "candidate_id": _candidate_ids(world, day, sittings.persons, FAULT_NUMBERS if faults else 0),
            "last_name": last,
            "first_name": first,
            "middle_name": middle,
            "birth_date": _birth_dates(chance, day, sittings, optional["grade"]),
            "gender": gender,
            "exam_code": sittings.exam,
            "test_date": tested,
            "scored_on": _scored_on(chance, day, sittings.tested),
            "scaled_score": score,
            "funding": funding,
            "voucher_order_id": order,
            "attending_code": school,
            "recipient_1": recipient_1,
            "recipient_2": recipient_2,
            **optional,
        }
    )


@dataclass(frozen=True, slots=True)
class _Sittings:
    """Who (number of the candidate, from 0) sat which exam when; `old` marks tests of long ago."""

    persons: np.ndarray[Any, np.dtype[np.int64]]
    exam: Cells
    tested: Days
    old: Flags
    shown: int
    settled: int


def _sittings(chance: Chance, count: int, *, showcase: bool) -> _Sittings:
    shown = len(SHOWCASE) if showcase else 0
    begins = chance.draw("new candidate", count) < (0.7 if showcase else 1.1)
    settled = shown + 2 * RETURNING if showcase else 0
    begins[:shown] = True
    begins[shown:settled] = np.arange(len(begins[shown:settled])) % 2 == 0
    begins[settled : settled + 1] = True
    persons = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    turn = np.arange(count) - starts[persons] if count else persons
    returns = chance.draw("returns", len(starts)) < 0.015
    returns[:shown] = False
    returns[shown : settled - RETURNING] = True
    old = (turn == 1) & returns[persons] if count else np.zeros(0, dtype=bool)
    tested = _test_dates(chance, count, old)
    exam = _exam_codes(chance, persons, turn, tested, old)
    return _Sittings(persons, exam, tested, old, shown, settled)


def _test_dates(chance: Chance, count: int, old: Flags) -> Days:
    """Days in the four weeks before the day; `old` ones 10 to 20 years before it."""
    recent = 3 + chance.draw("days since", count) ** 1.5 * 25
    past = 3_680 + chance.draw("days since long ago", count) * 3_570
    first_old = np.flatnonzero(old)[:1]
    past[first_old] = 7_100  # nearly at the end of its validity: mostly a retired exam
    since = np.where(old, past, recent).astype(np.int64)
    days: Days = np.datetime64(chance.day) - since.astype("timedelta64[D]")
    return days


def _exam_codes(
    chance: Chance, persons: np.ndarray[Any, np.dtype[np.int64]], turn: Any, tested: Days, old: Flags
) -> Cells:
    """An exam offered on its test date; a candidate's turns are different exams."""
    offered = offered_exams(chance.day)
    size = int(persons[-1]) + 1 if len(persons) else 0
    start = (chance.draw("exam", size) * len(offered)).astype(np.int64)
    codes = np.asarray(offered, dtype=object)[(start[persons] + turn) % len(offered)]
    for retired, last_day in retired_exams():
        chosen = (
            old & (tested <= np.datetime64(last_day)) & (chance.draw(f"retired {retired}", len(tested)) < 0.5)
        )
        codes[chosen] = retired
    return codes


def offered_exams(day: date) -> tuple[str, ...]:
    """Codes offered on a day and ever since the longest validity before it."""
    long_ago = day - timedelta(days=20 * 366)
    rows = exams.catalogue()
    then = {row.code for row in rows if row.in_force_on(long_ago)}
    return tuple(sorted({row.code for row in rows if row.in_force_on(day)} & then))


def retired_exams() -> tuple[tuple[str, date], ...]:
    """Codes that are no longer offered, each with its last day."""
    last_days: dict[str, date] = {}
    for row in exams.catalogue():
        last_days[row.code] = max(row.valid_to, last_days.get(row.code, date.min))
    return tuple(sorted((code, last) for code, last in last_days.items() if last != date.max))


def _show(last: Cells, first: Cells, middle: Cells, shown: int) -> None:
    for row, names in enumerate(SHOWCASE[: min(shown, len(last))]):
        last[row], first[row], middle[row] = names


def _scores(chance: Chance, count: int, *, settled: int) -> tuple[Cells, Cells]:
    """Status and score; the first `settled` rows are scored."""
    luck = chance.draw("status", count)
    status = cells(count, "scored")
    status[luck < 0.015] = "withheld"
    status[luck < 0.007] = "cancelled"
    status[:settled] = "scored"
    spread = sum(chance.draw(f"score {part}", count) for part in range(4)) - 2.0
    points = np.clip(np.rint(52 + 17 * spread), 20, 80).astype(np.int64)
    score = points.astype(str).astype(object)
    score[status != "scored"] = ""
    return status, score


def _candidate_ids(world: World, day: date, persons: Any, first: int) -> Cells:
    """Ids with leading zeros, never those of another day or seed: nobody takes an exam twice by accident."""
    prefix = f"{world.letters}{world.directory.tag}{day:%y%m%d}"
    return _texts(f"{prefix}{number:07d}" for number in (persons + first).tolist())


def _birth_dates(chance: Chance, day: date, sittings: _Sittings, grade: Cells) -> Cells:
    """Students in a grade are as old as its pupils, others 16 and more; who tested long ago is older."""
    size = int(sittings.persons[-1]) + 1 if len(sittings.persons) else 0
    luck = chance.draw("age", size)
    age_days = 16 * 366 + luck**3 * 30 * 365
    at_school = np.flatnonzero(grade != "")
    pupils = sittings.persons[at_school]
    age_days[pupils] = (5.3 + grade[at_school].astype(np.int64) + luck[pupils]) * 365
    age_days[sittings.persons[sittings.old]] += 22 * 365
    born = np.datetime64(day) - age_days.astype(np.int64).astype("timedelta64[D]")
    texts: Cells = np.datetime_as_string(born).astype(object)[sittings.persons]
    return texts


def _scored_on(chance: Chance, day: date, tested: Days) -> Cells:
    wait = (chance.draw("days to score", len(tested)) * 10).astype(np.int64).astype("timedelta64[D]")
    scored: Cells = np.datetime_as_string(np.minimum(tested + wait, np.datetime64(day))).astype(object)
    scored[chance.draw("no scoring day", len(tested)) < 0.03] = ""
    return scored


def _optional_columns(chance: Chance, persons: Any, school: Cells) -> dict[str, Cells]:
    count = len(persons)
    size = int(persons[-1]) + 1 if count else 0
    numbers = (chance.draw("student number", size) * 9_000_000).astype(np.int64)[persons] + 1_000_000
    center = (chance.draw("center", count) * 900).astype(np.int64) + 100
    columns = {
        "test_center_code": _texts(f"TC{number}" for number in center.tolist()),
        "email": _texts(f"student{number}@mail.example.org" for number in numbers.tolist()),
        "postal_code": _texts(f"{number % 90_000 + 1_000:05d}" for number in numbers.tolist()),
        "college_student_id": _texts(f"A0{number}" for number in numbers.tolist()),
        "local_student_id": _texts(f"{number % 1_000_000:06d}" for number in numbers.tolist()),
        "grade": pick(("09", "10", "11", "11", "12", "12"), chance.draw("grade", size)[persons]),
    }
    shares = {"test_center_code": 0.95, "email": 0.6, "postal_code": 0.8, "college_student_id": 0.3}
    for name, share in shares.items():
        columns[name][chance.draw(f"has {name}", count) > share] = ""
    no_school = (school == "") | (chance.draw("has local id", count) > 0.7)
    columns["local_student_id"][no_school] = ""
    columns["grade"][no_school] = ""
    return columns


def _texts(values: Any) -> Cells:
    return np.asarray(list(values), dtype=object)
