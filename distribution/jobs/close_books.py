"""Closing the books of a run: gather the counts, ask the balance, write the document and the report."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import psycopg

from distribution.jobs import route_scores, write_report
from distribution.jobs.wiring import Line
from distribution.ledger import accounts, deliveries, runs
from distribution.ledger.runs import Run
from distribution.report import balance

SCHEMA_VERSION = 1
DONE, FILES_OPEN, FEED_REFUSED, OUT_OF_BALANCE = 0, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Books:
    """The sums of one moment."""

    received: balance.Received
    owed: balance.Owed
    held: balance.HeldCarried
    waiting: balance.WaitingCarried
    faults: tuple[str, ...]


def check_before_sending(line: Line, run: Run) -> tuple[str, ...]:
    """What does not add up before anything leaves; empty = balanced. Notes the new sum with the run."""
    owed = route_scores.count_owed(line, on=run.business_date)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.run SET owed = %s WHERE run_id = %s", [owed, run.run_id])
        accounts.freeze(conn)
        return _books(conn, owed=owed).faults


def balances(line: Line, *, on: date) -> Books:
    """Both balances and the carried-forward lines as they stand now."""
    owed = route_scores.count_owed(line, on=on)
    with line.connect() as conn:
        accounts.freeze(conn)
        return _books(conn, owed=owed)


def _books(conn: psycopg.Connection, *, owed: int) -> Books:
    before = runs.last_finished(conn)
    opening = (before.summary.get("carried") if before else None) or {}
    held_before = opening.get("held", {}).get("closing", 0)
    waiting_before = opening.get("waiting", {}).get("closing", 0)
    carried = accounts.carried(conn, after_event=(before.last_event_id or 0) if before else 0)
    states = deliveries.counts_by_state(conn)
    received = balance.Received(**accounts.received(conn))
    held = balance.HeldCarried(**carried["held"])
    waiting = balance.WaitingCarried(**carried["waiting"])
    sums = balance.Owed(
        owed=owed,
        delivered=accounts.delivered_by_artefacts(conn),
        acknowledged=states["acknowledged"],
        returned=states["returned"],
        waiting=states["pending"] + states["claimed"] + states["failed"],
        held=states["held"],
        withdrawn=states["withdrawn"],
    )
    faults = balance.faults(
        received,
        sums,
        held,
        waiting,
        previous_held_closing=held_before,
        previous_waiting_closing=waiting_before,
    )
    return Books(received=received, owed=sums, held=held, waiting=waiting, faults=faults)


def close(line: Line, run: Run) -> dict[str, Any]:
    """Close a run and write its report; for a closed run its document, with the report mended if missing."""
    if run.state != "running":
        write_report.write_report(line, run.run_id)
        return run.summary
    owed = _owed_of(line, run)
    with line.connect() as conn:
        accounts.freeze(conn)
        document = _document(conn, run, _books(conn, owed=owed))
        accounts.count_feeds_as_of(conn, run.run_id)
        runs.finish(
            conn,
            run.run_id,
            finished_at=line.now(),
            summary=document,
            last_event_id=accounts.newest_event(conn),
        )
    write_report.write_report(line, run.run_id)
    return document


def _owed_of(line: Line, run: Run) -> int:
    """The recomputed sum of the check before sending; a run that never came there computes it now."""
    with line.connect() as conn:
        known = runs.read(conn, run.run_id).owed
    return route_scores.count_owed(line, on=run.business_date) if known is None else known


def _document(conn: psycopg.Connection, run: Run, books: Books) -> dict[str, Any]:
    outcomes = accounts.outcomes_of_run(conn, run.run_id, after_event=run.first_event_id)
    done = accounts.done_by_run(conn, after_event=run.first_event_id)
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.run_id,
        "date": run.business_date.isoformat(),
        "balanced": not books.faults,
        "exit": _exit_code(conn, books),
        "received": asdict(books.received),
        "deliveries": {**done, "waiting": accounts.waiting_for_their_day(conn)},
        "owed": asdict(books.owed),
        "carried": {"held": asdict(books.held), "waiting": asdict(books.waiting)},
        "batches": outcomes["batches"],
        "files": outcomes["files"],
        "schools": len(outcomes["schools"]),
        "faults": list(books.faults),
    }


def _exit_code(conn: psycopg.Connection, books: Books) -> int:
    """Contract section 5: of 5, 4, 3 and 0 the first that applies."""
    if books.faults:
        return OUT_OF_BALANCE
    if accounts.refused_feeds(conn):
        return FEED_REFUSED
    return FILES_OPEN if accounts.unsent_files(conn) else DONE
