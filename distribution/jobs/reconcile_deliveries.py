"""The morning's question: is everything owed delivered, held or waiting, and who must act on the rest."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import Any

from distribution.jobs import close_books
from distribution.jobs.standing import Standing, standing
from distribution.jobs.wiring import Line
from distribution.ledger import run_facts, runs
from distribution.report.content import Need
from distribution.report.needs import age

log = logging.getLogger(__name__)
SCHEMA_VERSION = 1


def reconcile(line: Line, *, on: date) -> dict[str, Any]:
    """What is owed against what became of it, and what needs a person; counts, codes and names only.

    Keys: schema_version, date, balanced, faults, received, owed, carried, needs_a_person
    ([{level, what, institution, count, effect, since, days, what_to_do}], the worst first), waiting, failed,
    held, batches (who has how much open since when; `days` are business days).
    """
    books = close_books.balances(line, on=on)
    with line.connect() as conn:
        run_facts.speak_in(conn, line.settings.time_zone)
        now = standing(line, conn, on=on, seen=_seen_since_last_night(conn))
    document = {
        "schema_version": SCHEMA_VERSION,
        "date": on.isoformat(),
        "balanced": not books.faults,
        "faults": list(books.faults),
        "received": asdict(books.received),
        "owed": asdict(books.owed),
        "carried": {"held": asdict(books.held), "waiting": asdict(books.waiting)},
        "needs_a_person": [_need(need, on) for need in now.needs(books.faults)],
        **_open(now, on),
    }
    fields = {"needs": len(document["needs_a_person"]), "balanced": document["balanced"]}
    log.info("Reconciled: balanced %(balanced)s, %(needs)s things need a person", fields, extra=fields)
    return document


def _seen_since_last_night(conn: Any) -> run_facts.Window:
    """The feeds of the last finished night and those that came after it."""
    last = runs.last_finished(conn)
    return run_facts.Window(runs=(last.run_id,) if last else (), uncounted=True)


def _need(need: Need, on: date) -> dict[str, Any]:
    return {**_dated(asdict(need)), "days": age(need.since, on)}


def _open(now: Standing, on: date) -> dict[str, Any]:
    """What is open, by institution or batch, each with its age in business days."""
    behind = Counter(file.code for file in now.open_files)
    return {
        "waiting": [_aged(row, on) for row in now.waiting],
        "failed": [{**_aged(file, on), "files_in_line": behind[file.code]} for file in now.open_files],
        "held": [_aged(held, on) for held in now.held_deliveries],
        "batches": [
            {**_dated(asdict(batch)), "days": age(batch.business_date, on)} for batch in now.open_batches
        ],
    }


def _aged(row: Any, on: date) -> dict[str, Any]:
    return {**_dated(asdict(row)), "days": age(row.since, on)}


def _dated(fields: dict[str, Any]) -> dict[str, Any]:
    """Dates as ISO texts."""
    pairs: Iterable[tuple[str, Any]] = fields.items()
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in pairs}
