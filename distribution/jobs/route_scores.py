"""Routing: decide for every result that waits for it who is owed its newest revision, and record it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd
import psycopg

from distribution.exams import programme
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries, endpoints, institutions, returned_mail, routing_facts, runs
from distribution.model import WithdrawalReason
from distribution.routing import changes, destinations, rules

CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class RoutingOutcome:
    """How many deliveries a routing added, moved and withdrew."""

    results: int = 0
    added: int = 0
    settled: int = 0
    withdrawn: int = 0


def route_scores(line: Line, *, run_id: str, on: date) -> RoutingOutcome:
    """Route all that waits: new revisions, open deliveries, open requests, students of changed schools.

    One transaction per chunk of results; killed anywhere, the rest is still queued.
    """
    with line.connect() as conn:
        asked_at = routing_facts.moment(conn)
        _queue(conn, line, on)
    outcome = RoutingOutcome()
    while True:
        with line.connect() as conn:
            taken = routing_facts.take_chunk(conn, CHUNK)
            if not taken:
                routing_facts.mark_requests_routed(conn, at=asked_at)
                return outcome
            outcome = _route_chunk(conn, line, run_id=run_id, on=on, taken=taken, so_far=outcome)


def route_in(conn: psycopg.Connection, line: Line, *, run_id: str | None, on: date) -> RoutingOutcome:
    """The same in one transaction of the caller's, who may roll it back (a preview)."""
    _queue(conn, line, on)
    outcome = RoutingOutcome()
    while taken := routing_facts.take_chunk(conn, CHUNK):
        outcome = _route_chunk(conn, line, run_id=run_id, on=on, taken=taken, so_far=outcome)
    return outcome


def _queue(conn: psycopg.Connection, line: Line, on: date) -> None:
    """Add to the queue what no new revision put there; mail that came back goes again to a new address."""
    returned_mail.reopen(conn, on=on, zone=line.settings.zone)
    before = runs.last_finished(conn)
    routing_facts.note_changed_codes(
        conn,
        after_version=before.last_institution_version_id if before else 0,
        after=before.business_date if before else None,
        on=on,
    )
    routing_facts.note_open_work(conn)


def _route_chunk(
    conn: psycopg.Connection,
    line: Line,
    *,
    run_id: str | None,
    on: date,
    taken: int,
    so_far: RoutingOutcome,
) -> RoutingOutcome:
    versions = routing_facts.newest_versions(conn)
    owed = rules.owed(versions, routing_facts.got(conn), _master_data(conn, line, on))
    changed = routing_facts.changes_of_institutions(conn)
    found = changes.between(owed, routing_facts.on_file(conn), versions[["result_id", "status"]], changed)
    withdrawn = deliveries.withdraw(conn, found.superseded, reason=WithdrawalReason.SUPERSEDED)
    withdrawn += deliveries.withdraw(conn, found.cancelled, reason=WithdrawalReason.CANCELLED)
    settled = deliveries.settle(conn, found.settled)
    freed, taken_out = _settle_asked_again(conn, versions, changed)
    added = deliveries.add(
        conn, found.added.astype({"revision": "str"}).assign(owed_on=on.isoformat()), run_id=run_id
    )
    return replace(
        so_far,
        results=so_far.results + taken,
        added=so_far.added + added,
        settled=so_far.settled + settled + freed,
        withdrawn=so_far.withdrawn + withdrawn + taken_out,
    )


def _settle_asked_again(
    conn: psycopg.Connection, versions: pd.DataFrame, changed: pd.DataFrame
) -> tuple[int, int]:
    """Free or withdraw what was asked for once more and waits; how many of each."""
    again = changes.of_asked_again(
        routing_facts.asked_again(conn), versions[["result_id", "revision", "status"]], changed
    )
    withdrawn = deliveries.withdraw(conn, again.superseded, reason=WithdrawalReason.SUPERSEDED)
    withdrawn += deliveries.withdraw(conn, again.cancelled, reason=WithdrawalReason.CANCELLED)
    note = "its institution changed since it was held"
    return deliveries.release(conn, again.freed, actor="pipeline", note=note), withdrawn


def _master_data(conn: psycopg.Connection, line: Line, on: date) -> rules.MasterData:
    return rules.MasterData(
        destinations=destinations.of(
            institutions.in_force(conn, on),
            endpoints=frozenset(endpoints.in_force(conn)),
            unconfirmed=endpoints.unconfirmed(conn),
        ),
        orders=routing_facts.orders(conn),
        requests=routing_facts.requests(conn),
        programme=programme(),
        dantes_code=line.settings.dantes_code,
    )


def count_owed(line: Line, *, on: date) -> int:
    """The deliveries owed, computed again from every recorded revision.

    What left or was withdrawn was owed once and stays so; what is open must follow from the rules, or the
    ledger's sum differs from this one. Deliveries that a person asked to send again count as asked.
    """
    total = 0
    for owed, on_file in _every_chunk(line, on):
        closed = on_file[(on_file["left"] == "true") | (on_file["state"] == "withdrawn")]
        owed_keys = pd.MultiIndex.from_frame(owed[rules.KEY])
        not_again = ~pd.MultiIndex.from_frame(closed[rules.KEY]).isin(owed_keys)
        total += len(owed) + int(not_again.sum())
    with line.connect() as conn:
        row = conn.execute("SELECT count(*) FROM ledger.delivery WHERE occasion LIKE 'resend:%'").fetchone()
    return total + (row[0] if row else 0)


def _every_chunk(line: Line, on: date) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """What is owed and what is on file, for all results in chunks."""
    last: str | None = ""
    while last is not None:
        with line.connect() as conn:
            last = routing_facts.chunk_after(conn, last, CHUNK)
            if last is None:
                return
            versions = routing_facts.newest_versions(conn)
            owed = rules.owed(versions, routing_facts.got(conn), _master_data(conn, line, on))
            on_file = routing_facts.on_file(conn)
        yield owed, on_file
