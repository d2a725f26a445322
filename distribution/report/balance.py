"""The balances of a night (contract section 6): pure sums over numbers counted at different places."""

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Received:
    """Rows of results feeds: `records` as the control files declare them, the rest as they were recorded."""

    records: int
    new: int
    corrected: int
    duplicate: int
    held: int


@dataclass(frozen=True, slots=True)
class Owed:
    """Deliveries since the ledger began.

    `owed` is computed again by routing from the recorded revisions; `delivered` is counted from the
    artefacts (D records, manifest pieces, staged rows); the rest from the states of the deliveries.
    """

    owed: int
    delivered: int
    acknowledged: int
    returned: int
    waiting: int
    held: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class HeldCarried:
    """Holds that were open before the run, what the run and people did to them, and what stays open."""

    opening: int
    added: int
    released: int
    rejected: int
    closing: int


@dataclass(frozen=True, slots=True)
class WaitingCarried:
    """Deliveries that waited before the run, what became of them, and what still waits."""

    opening: int
    added: int
    delivered: int
    withdrawn: int
    closing: int


def faults(
    received: Received,
    owed: Owed,
    held: HeldCarried,
    waiting: WaitingCarried,
    *,
    previous_held_closing: int,
    previous_waiting_closing: int,
) -> tuple[str, ...]:
    """A sentence for each sum that does not add up, naming both sides and the difference; empty = balanced.

    `previous_…_closing` are the closings of the run before (0 before the first run).
    """
    return (
        *_negative(received, owed, held, waiting),
        *_received(received),
        *_owed(owed),
        *_held_carried(held, previous_held_closing),
        *_waiting_carried(waiting, previous_waiting_closing),
    )


def _negative(*parts: Received | Owed | HeldCarried | WaitingCarried) -> Iterator[str]:
    for part in parts:
        for counted in fields(part):
            number = getattr(part, counted.name)
            if number < 0:
                yield f"{_WORDS[type(part)]}: {counted.name} is {number:,}, but no count can be below zero."


_WORDS = {
    Received: "Received",
    Owed: "Owed",
    HeldCarried: "Held, carried forward",
    WaitingCarried: "Waiting, carried forward",
}


def _received(received: Received) -> Iterator[str]:
    accounted = received.new + received.corrected + received.duplicate + received.held
    yield from _differing(
        f"Received: the feeds declare {received.records:,} records",
        f"new {received.new:,} + corrected {received.corrected:,} + duplicate {received.duplicate:,}"
        f" + held {received.held:,} = {accounted:,}",
        received.records - accounted,
    )


def _owed(owed: Owed) -> Iterator[str]:
    accounted = owed.delivered + owed.acknowledged + owed.returned + owed.waiting + owed.held + owed.withdrawn
    yield from _differing(
        f"Owed: routing finds {owed.owed:,} deliveries owed",
        f"delivered {owed.delivered:,} + acknowledged {owed.acknowledged:,} + returned {owed.returned:,}"
        f" + waiting {owed.waiting:,} + held {owed.held:,} + withdrawn {owed.withdrawn:,} = {accounted:,}",
        owed.owed - accounted,
    )


def _held_carried(held: HeldCarried, previous_closing: int) -> Iterator[str]:
    closing = held.opening + held.added - held.released - held.rejected
    yield from _differing(
        f"Held, carried forward: {held.closing:,} are open now",
        f"opening {held.opening:,} + added {held.added:,} - released {held.released:,}"
        f" - rejected {held.rejected:,} = {closing:,}",
        held.closing - closing,
    )
    yield from _opening("Held", held.opening, previous_closing)


def _waiting_carried(waiting: WaitingCarried, previous_closing: int) -> Iterator[str]:
    closing = waiting.opening + waiting.added - waiting.delivered - waiting.withdrawn
    yield from _differing(
        f"Waiting, carried forward: {waiting.closing:,} wait now",
        f"opening {waiting.opening:,} + added {waiting.added:,} - delivered {waiting.delivered:,}"
        f" - withdrawn {waiting.withdrawn:,} = {closing:,}",
        waiting.closing - closing,
    )
    yield from _opening("Waiting", waiting.opening, previous_closing)


def _opening(what: str, opening: int, previous_closing: int) -> Iterator[str]:
    yield from _differing(
        f"{what}, carried forward: this run opened with {opening:,}",
        f"the run before closed with {previous_closing:,}",
        opening - previous_closing,
    )


def _differing(one_side: str, other_side: str, difference: int) -> Iterator[str]:
    if difference:
        yield f"{one_side}, but {other_side}: a difference of {difference:+,}."
