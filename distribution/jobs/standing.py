"""How the line stands on a day: what is open, held, failed or missing, and what of it needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from distribution import academic_year
from distribution.jobs import partner_standing
from distribution.jobs.wiring import Line
from distribution.ledger import run_facts, sign_in_facts
from distribution.model import HoldKind
from distribution.report import needs, partner_needs, sign_in_needs
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
from distribution.report.partner_needs import Partners

_A_DAY = timedelta(days=1)


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
    sign_in: dict[str, Any]
    partners: Partners

    def needs(self, faults: Sequence[str] = ()) -> tuple[Need, ...]:
        """What needs a person, the worst first; `faults` are the sentences of the balances."""
        return needs.ordered(
            [
                *needs.of_faults(faults, self.on),
                *needs.of_feeds(self.feeds, self.feed_gaps, self.on),
                *needs.of_files(self.open_files, self.on),
                *needs.of_holds(self.open_rows, self.held_deliveries, self.on),
                *needs.of_paper(self.open_batches, self.waiting, self.on),
                *sign_in_needs.of_sign_in(self.sign_in, self.on),
                *partner_needs.of_partners(self.partners, self.on),
            ]
        )


def standing(line: Line, conn: psycopg.Connection, *, on: date, seen: run_facts.Window) -> Standing:
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
        sign_in=_sign_in(conn, on),
        partners=partner_standing.partners(line, conn),
    )


def _sign_in(conn: psycopg.Connection, on: date) -> dict[str, Any]:
    """What of the portal is open: doors that nobody can open, requests, codes that came back, guesses."""
    year = academic_year.academic_year_of(on)
    return {
        "closed_doors": sign_in_facts.nobody_can_sign_in(conn, year=year, on=on),
        "requests": sign_in_facts.open_requests(conn),
        "bounced": sign_in_facts.bounced_codes(conn, year=year),
        "returned": sign_in_facts.returned_mails(conn, on=on),
        "disowned": sign_in_facts.disowned(conn),
        "wrong_codes": sign_in_facts.most_wrong_codes(conn, since=datetime.combine(on - _A_DAY, time(), UTC)),
    }


_DOORS = {
    "no-coordinator": "Have a coordinator sent in a contacts feed, or confirm a request for a code.",
    "no-code": "The coordinator can ask for the code in the portal; codes preview says why none was due.",
}


def unopened_schools(line: Line) -> list[dict[str, Any]]:
    """Schools with scores and nobody able to sign in: code, name, scores, since, why, what_to_do."""
    on = line.today()
    with line.connect() as conn:
        rows = sign_in_facts.nobody_can_sign_in(conn, year=academic_year.academic_year_of(on), on=on)
    return [{**row, "what_to_do": _DOORS[row["why"]]} for row in rows]


def _gap(row: dict[str, Any]) -> FeedGap:
    return FeedGap(feed=row["feed"], day=row["day"], missing=tuple(row["missing"]))
