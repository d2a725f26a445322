"""A night's balances find every single miscounted unit."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distribution.report.balance import HeldCarried, Owed, Received, WaitingCarried, faults

counts = st.integers(min_value=0, max_value=10_000_000)


@st.composite
def balanced_nights(draw: st.DrawFn) -> tuple[Received, Owed, HeldCarried, WaitingCarried]:
    parts = draw(st.tuples(*[counts] * 4))
    states = draw(st.tuples(*[counts] * 6))
    released, rejected, held_closing, delivered, withdrawn, waiting_closing = draw(st.tuples(*[counts] * 6))
    held_all = released + rejected + held_closing
    waiting_all = delivered + withdrawn + waiting_closing
    held_added = draw(st.integers(0, held_all))
    waiting_added = draw(st.integers(0, waiting_all))
    return (
        Received(sum(parts), *parts),
        Owed(sum(states), *states),
        HeldCarried(held_all - held_added, held_added, released, rejected, held_closing),
        WaitingCarried(waiting_all - waiting_added, waiting_added, delivered, withdrawn, waiting_closing),
    )


def check(night: tuple[Any, ...], openings: tuple[int, int]) -> tuple[str, ...]:
    return faults(*night, previous_held_closing=openings[0], previous_waiting_closing=openings[1])


@given(balanced_nights())
def test_a_night_that_adds_up_has_no_fault(night: tuple[Any, ...]) -> None:
    assert check(night, (night[2].opening, night[3].opening)) == ()


PLACES = [
    (part, counted.name)
    for part, kind in enumerate((Received, Owed, HeldCarried, WaitingCarried))
    for counted in fields(kind)
]


@given(balanced_nights(), st.sampled_from(PLACES), st.sampled_from([-1, 1]))
def test_one_unit_miscounted_anywhere_is_found(
    night: tuple[Any, ...], place: tuple[int, str], unit: int
) -> None:
    openings = (night[2].opening, night[3].opening)
    part, name = place
    miscounted = list(night)
    miscounted[part] = replace(night[part], **{name: getattr(night[part], name) + unit})
    assert check(tuple(miscounted), openings)


@given(balanced_nights(), st.sampled_from([(0, 1), (1, 0), (-1, 0), (0, -1)]))
def test_an_opening_that_is_not_the_closing_of_the_run_before_is_found(
    night: tuple[Any, ...], shift: tuple[int, int]
) -> None:
    openings = (night[2].opening + shift[0], night[3].opening + shift[1])
    (fault,) = check(night, openings)
    assert "carried forward: this run opened with" in fault


def test_a_fault_names_both_sides_and_the_difference() -> None:
    night = (
        Received(4812, 4731, 62, 14, 4),
        Owed(10, 10, 0, 0, 0, 0, 0),
        HeldCarried(0, 0, 0, 0, 0),
        WaitingCarried(0, 10, 10, 0, 0),
    )
    assert check(night, (0, 0)) == (
        "Received: the feeds declare 4,812 records, but new 4,731 + corrected 62 + duplicate 14 + held 4"
        " = 4,811: a difference of +1.",
    )


@pytest.mark.parametrize("name", ["released", "closing"])
def test_a_count_below_zero_is_a_fault_even_where_the_sum_is_right(name: str) -> None:
    held = HeldCarried(0, 0, 0, 0, 0)
    held = replace(held, **{name: -1}, **({"added": -1} if name == "released" else {"rejected": 1}))
    night = (Received(0, 0, 0, 0, 0), Owed(0, 0, 0, 0, 0, 0, 0), held, WaitingCarried(0, 0, 0, 0, 0))
    assert any("below zero" in fault for fault in check(night, (0, 0)))
