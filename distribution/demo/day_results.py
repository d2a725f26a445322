"""A day's results feed: first and later revisions, repeated rows, and rows that are wrong on purpose."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from distribution.demo.chance import Chance, Numbers
from distribution.demo.faults import Faults, Planted, faults_in, plant
from distribution.demo.result_rows import ResultRows, Selection
from distribution.demo.results import World, draw_results, first_showcase_free_row
from distribution.demo.revisions import revise

_FORCED_REVISIONS = 6  # right after the showcase, one of each change, so that small feeds have them too
_FORCED_REPEATS = 1


@dataclass(frozen=True, slots=True)
class FedDay:
    """A day whose results were fed before, and how many rows its feed had."""

    day: date
    rows: int


@dataclass(frozen=True, slots=True)
class DayResults:
    """A results feed's rows, those that must be held, and the earlier results that it corrects."""

    rows: ResultRows
    planted: tuple[Planted, ...]
    corrected_earlier: tuple[str, ...]
    fresh: ResultRows


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a feed's rows are made up: `fresh` first revisions, some revised or repeated, and wrong ones."""

    fresh: int
    revised: Selection
    repeated: Selection
    wrong: int


def compose(world: World, day: date, count: int, *, earlier: FedDay | None = None) -> DayResults:
    """Exactly `count` rows for a day; with `earlier` about 1 % of them correct that day's results."""
    chance = Chance(world.seed, day)
    late = _of_earlier_day(world, earlier, day, _earlier_rows(count))
    plan = _plan(chance, count, late=len(late))
    fresh = draw_results(world, day, plan.fresh)
    faults = plant(world, day, fresh, _clean(fresh, plan, day), plan.wrong)
    parts = [
        fresh,
        revise(fresh, plan.revised, revision=2, chance=chance, directory=world.directory),
        fresh.take(plan.repeated),
        faults.rows,
        late,
    ]
    order = _order(chance, plan, faults, len(late))
    return DayResults(
        rows=ResultRows.joined(parts).take(order),
        planted=_planted(faults, order, first=sum(len(part) for part in parts[:3])),
        corrected_earlier=tuple(late["result_id"].tolist()),
        fresh=fresh,
    )


def _plan(chance: Chance, count: int, *, late: int) -> _Plan:
    wrong = faults_in(count)
    room = count - wrong - late
    revised, repeated = chance.draw("revised", room) < 0.01, chance.draw("repeated", room) < 0.005
    first = first_showcase_free_row()
    for marks in (revised, repeated):
        marks[: first + _FORCED_REVISIONS + _FORCED_REPEATS] = False
    revised[first : first + _FORCED_REVISIONS] = True
    repeated[first + _FORCED_REVISIONS : first + _FORCED_REVISIONS + _FORCED_REPEATS] = True
    filled = np.cumsum(1 + revised + repeated)
    fresh = int(np.searchsorted(filled, room, side="right"))
    left = room - (int(filled[fresh - 1]) if fresh else 0)
    if left:  # the next row comes with less than it would bring along
        revised[fresh] &= left > 1
        repeated[fresh] = False
        fresh += 1
    return _Plan(fresh, np.flatnonzero(revised[:fresh]), np.flatnonzero(repeated[:fresh]), wrong)


def _earlier_rows(count: int) -> int:
    """How many rows correct an earlier day: 1 %, and each kind of change once where there is room."""
    return max(round(count * 0.01), min(_FORCED_REVISIONS, count // 10))


def _clean(fresh: ResultRows, plan: _Plan, day: date) -> Selection:
    """Positions of scored results of the last weeks that nothing else touches."""
    usable = fresh["status"] == "scored"
    usable[: first_showcase_free_row() + _FORCED_REVISIONS + _FORCED_REPEATS] = False
    usable[plan.revised] = False
    usable[plan.repeated] = False
    # The sitting of a candidate who came back after years is left alone: its date is no recent one.
    usable &= fresh["test_date"] > (day - timedelta(days=366)).isoformat()
    return np.flatnonzero(usable)


def _of_earlier_day(world: World, earlier: FedDay | None, day: date, count: int) -> ResultRows:
    """At most `count` corrections of results that the earlier feed holds, whatever it corrected itself."""
    if earlier is None:
        return draw_results(world, day, 0)
    chance = Chance(world.seed, earlier.day)
    sure = _plan(chance, earlier.rows, late=_earlier_rows(earlier.rows))
    before = draw_results(world, earlier.day, sure.fresh)
    clean = _clean(before, sure, earlier.day)
    luck = chance.draw(f"corrected on {day}", len(clean))
    chosen = np.sort(clean[np.argsort(luck, kind="stable")[:count]])
    # Revisions grow with the days between, so that a later day's correction is the later revision.
    revision = 2 + (day - earlier.day).days
    return revise(
        before, chosen, revision=revision, chance=Chance(world.seed, day), directory=world.directory
    )


def _order(chance: Chance, plan: _Plan, faults: Faults, late: int) -> Selection:
    """Where each row stands: first revisions in order, the others anywhere after the row that they need."""
    own = np.arange(plan.fresh, dtype=float)
    places = [own]
    for word, after in (
        ("revised", plan.revised),
        ("repeated", plan.repeated),
        ("wrong", faults.after),
        ("late", np.full(late, -1)),
    ):
        luck: Numbers = chance.draw(f"place of {word}", len(after))
        places.append(after + 0.5 + luck * (plan.fresh - 1 - after))
    return np.argsort(np.concatenate(places), kind="stable")


def _planted(faults: Faults, order: Selection, *, first: int) -> tuple[Planted, ...]:
    """Where the wrong rows, which stand from `first` on before the ordering, came to stand."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    planted = (
        Planted(int(place[first + row]) + 2, reason, faults.columns[row], *_key(faults.rows, row))
        for row, reason in enumerate(faults.reasons)
    )
    return tuple(sorted(planted, key=lambda one: one.line))


def _key(rows: ResultRows, row: int) -> tuple[str, str]:
    return rows["result_id"][row], rows["revision"][row]
