"""How the line stands on a day: what is open, held, failed or missing, and what of it needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from distribution.ledger import run_facts
from distribution.model import HoldKind
from distribution.report import needs
from distribution.report.content import (
    Batch,
    Feed,
    FeedGap,
    HeldDeliveries,
    HeldReason,
    Need,
    OpenFile,
    WaitingDeliveries,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that is not finished, whole: reports show the first rows of it."""

    on: date
    feeds: tuple[Feed, ...]
    feed_gaps: tuple[FeedGap, ...]
    open_rows: tuple[HeldReason, ...]
    held_deliveries: tuple[HeldDeliveries, ...]
    open_files: tuple[OpenFile, ...]
    waiting: tuple[WaitingDeliveries, ...]
    open_batches: tuple[Batch, ...]

    def needs(self, faults: Sequence[str] = ()) -> tuple[Need, ...]:
        """What needs a person, the worst first; `faults` are the sentences of the balances."""
        return needs.ordered(
            [
                *needs.of_faults(faults, self.on),
                *needs.of_feeds(self.feeds, self.feed_gaps, self.on),
                *needs.of_files(self.open_files, self.on),
                *needs.of_holds(self.open_rows, self.held_deliveries, self.on),
                *needs.of_paper(self.open_batches, self.waiting, self.on),
            ]
        )


def standing(conn: psycopg.Connection, *, on: date, seen: run_facts.Window) -> Standing:
    """How the line stands; `seen` are the feeds that are new."""
    return Standing(
        on=on,
        feeds=tuple(Feed(**row) for row in run_facts.feeds(conn, seen)),
        feed_gaps=tuple(_gap(row) for row in run_facts.feed_gaps(conn, seen)),
        open_rows=tuple(
            HeldReason(**row) for row in run_facts.open_hold_reasons(conn) if row["kind"] == HoldKind.ROW
        ),
        held_deliveries=tuple(HeldDeliveries(**row) for row in run_facts.held_deliveries(conn, on)),
        open_files=tuple(OpenFile(**row) for row in run_facts.open_files(conn, on)),
        waiting=tuple(WaitingDeliveries(**row) for row in run_facts.waiting_deliveries(conn, on)),
        open_batches=tuple(Batch(**row) for row in run_facts.batches(conn)),
    )


def _gap(row: dict[str, Any]) -> FeedGap:
    return FeedGap(feed=row["feed"], day=row["day"], missing=tuple(row["missing"]))
