"""Rows that are wrong on purpose, one fault each, with the reason for which they must be held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from distribution.demo.result_rows import ResultRows, Selection
from distribution.demo.results import World, draw_results, retired_exams
from distribution.model import RowHoldReason

Cells = dict[str, str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A row of a results feed that must be held; `line` counts from 1 with the header row as line 1."""

    line: int
    reason: RowHoldReason
    column: str
    result_id: str
    revision: str


@dataclass(frozen=True, slots=True)
class Faults:
    """Wrong rows, and why each is wrong. `after` is the row of today's results that it must follow, or -1."""

    rows: ResultRows
    reasons: tuple[RowHoldReason, ...]
    columns: tuple[str, ...]
    after: Selection


def _day(text: str, days: int) -> str:
    return (date.fromisoformat(text) + timedelta(days=days)).isoformat()


def _bad_values() -> tuple[Cells, ...]:
    return (
        {"gender": "Q"},
        {"funding": "cash"},
        {"birth_date": "2001-02-30"},
        {"status": "scored", "scaled_score": "5O"},
        {"revision": "01"},
        {"status": "passed"},
        {"candidate_id": "12_34"},
        {"status": "scored", "scaled_score": "５５"},
        {"attending_code": "47123"},
        {"recipient_1": "44711"},
        {"status": "cancelled", "scaled_score": "61"},
        {"status": "scored", "scaled_score": ""},
        {"test_date": "11/20/2026"},
        {"birth_date": "1899-12-31"},
        {"status": "scored", "scaled_score": "55.0"},
    )


def _bad_characters() -> tuple[Cells, ...]:
    return (
        {"last_name": "Bell\u0007man"},
        {"first_name": "Tab\tbed"},
        {"last_name": "\u202egnortS"},
        {"last_name": "Lost\ufffdLetter"},
        {"last_name": "  "},
        {"first_name": "\u0301\u0301"},
    )


def _too_long() -> tuple[Cells, ...]:
    return (
        {"last_name": "Vanderhoeven" * 5 + "X"},
        {"email": "a" * 45 + "@mail.example.org"},
        {"test_center_code": "TC123456789"},
    )


def _fixed(variants: tuple[Cells, ...]) -> Callable[[ResultRows, int, date, int], Cells]:
    return lambda rows, row, day, turn: variants[turn % len(variants)]


def _not_offered(rows: ResultRows, row: int, day: date, turn: int) -> Cells:
    retired = [code for code, last in retired_exams() if last < date.fromisoformat(rows["test_date"][row])]
    return {"exam_code": retired[turn % len(retired)]}


_ALONE: dict[RowHoldReason, Callable[[ResultRows, int, date, int], Cells]] = {
    RowHoldReason.BAD_VALUE: _fixed(_bad_values()),
    RowHoldReason.SCORE_OUT_OF_RANGE: _fixed(
        tuple({"status": "scored", "scaled_score": score} for score in ("81", "19", "99", "90"))
    ),
    RowHoldReason.UNKNOWN_EXAM: _fixed(({"exam_code": "ZZZZZZ"}, {"exam_code": "UNDERW"})),
    RowHoldReason.EXAM_NOT_OFFERED: _not_offered,
    RowHoldReason.DATE_IN_FUTURE: lambda rows, row, day, turn: {
        "test_date": _day(day.isoformat(), 2 + turn),
        "scored_on": "",
    },
    RowHoldReason.BIRTH_AFTER_TEST: lambda rows, row, day, turn: {
        "birth_date": _day(rows["test_date"][row], 1)
    },
    RowHoldReason.BAD_CHARACTERS: _fixed(_bad_characters()),
    RowHoldReason.FIELD_TOO_LONG: _fixed(_too_long()),
    RowHoldReason.UNKNOWN_ORDER: _fixed(({"voucher_order_id": "V999999X", "funding": "voucher"},)),
}
_REASONS = (*_ALONE, RowHoldReason.RETAKE_TOO_SOON, RowHoldReason.REVISION_CONFLICT)


def faults_in(rows: int) -> int:
    """How many rows of a feed are wrong: about 0.5 %, at least one of each kind, fewer in a tiny feed."""
    return min(max(len(_REASONS), round(rows * 0.005)), rows // 8)


def plant(world: World, day: date, today: ResultRows, clean: Selection, count: int) -> Faults:
    """`count` wrong rows; those that need an earlier row take it from `clean`, positions in `today`."""
    rows = draw_results(world, day, count, faults=True)
    long_ago = today["test_date"][clean] <= _day(day.isoformat(), -10)
    retaken, contradicted = clean[long_ago], clean[~long_ago]
    reasons, columns, after = [], [], []
    for row in range(count):
        turn, place = divmod(row, len(_REASONS))
        reason, base, column = _REASONS[place], -1, ""
        if reason in _ALONE:
            changed = _ALONE[reason](rows, row, day, turn)
            column = _column(reason, changed)
        elif reason is RowHoldReason.RETAKE_TOO_SOON:
            base = int(retaken[turn])
            changed = _retake(today, base, rows["result_id"][row])
        else:
            base = int(contradicted[turn])
            changed = _conflict(today, base, turn)
        rows.put(row, **changed)
        reasons.append(reason)
        columns.append(column)
        after.append(base)
    return Faults(rows, tuple(reasons), tuple(columns), np.asarray(after, dtype=np.int64))


def _column(reason: RowHoldReason, changed: Cells) -> str:
    """The column that a `bad-value` names: the changed one that is not there to support another."""
    if reason is not RowHoldReason.BAD_VALUE:
        return ""
    return list(changed)[-1]


def _retake(today: ResultRows, base: int, result_id: str) -> Cells:
    """The same exam by the same candidate, a week later."""
    cells = {name: column[base] for name, column in today.columns.items()}
    return cells | {"result_id": result_id, "test_date": _day(cells["test_date"], 7), "scored_on": ""}


def _conflict(today: ResultRows, base: int, turn: int) -> Cells:
    """The same revision with another score, or a higher one with another exam."""
    cells = {name: column[base] for name, column in today.columns.items()}
    if turn % 2 == 0:
        return cells | {"scaled_score": "44" if cells["scaled_score"] != "44" else "45"}
    return cells | {"revision": "2", "exam_code": "CALCUL" if cells["exam_code"] != "CALCUL" else "BIOLOG"}
