"""The night: feeds, routing, paper, files, portal, balance, report; each step may be killed and run again."""

import logging
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg

from distribution.errors import OutOfBalance
from distribution.jobs import (
    build_files,
    close_books,
    ingest_feeds,
    mails,
    paper_settings,
    preview_night,
    print_batches,
    read_acknowledgements,
    route_scores,
    send_files,
    send_parallel,
    sending,
    tell_mailroom,
)
from distribution.jobs import stage_scores as staging
from distribution.jobs.shards import shards
from distribution.jobs.wiring import Line
from distribution.ledger import endpoints, locks, runs
from distribution.ledger.runs import Run
from distribution.model import Channel

log = logging.getLogger(__name__)

SHARDS = 4
_CHANNEL_STEPS = (Channel.PAPER, Channel.ELECTRONIC, Channel.PORTAL)


def open_run(line: Line, *, on: date, only: str | None = None) -> str:
    """The id of tonight's run; one of tonight that was broken off goes on.

    A broken-off run of another date or channel is closed with what it did; this one takes over its open work.
    Raises UsageError, before there is a run, for a setting that no batch could be printed with.
    """
    _check_settings(line, only)
    with _alone(line), line.connect() as conn:
        return _opened(conn, line, on=on, only=only).run_id


def _opened(conn: psycopg.Connection, line: Line, *, on: date, only: str | None) -> Run:
    run = runs.open_run(conn, kind=runs.NIGHTLY, on=on, only_channel=only, started_at=line.now())
    if (run.business_date, run.only_channel) == (on, only):
        return run
    conn.commit()
    # The next run tells of what arrived since this one began, so this one must tell of what came before.
    mails.plan_correction_notices(line, run_id=run.run_id)
    close_books.close(line, run)
    return runs.open_run(conn, kind=runs.NIGHTLY, on=on, only_channel=only, started_at=line.now())


def ingest(line: Line, run_id: str) -> dict[str, int]:
    """Record the feeds of the inbox. Counts of feeds by state."""
    with _alone(line), _timed(line, run_id, "Read and record feeds"):
        return _ingest(line)


def _ingest(line: Line) -> dict[str, int]:
    outcome = ingest_feeds.ingest_inbox(line)
    return {
        "feeds": len(outcome.feeds),
        "refused": outcome.refused,
        "records": sum(feed.records or 0 for feed in outcome.feeds),
    }


def route(line: Line, run_id: str) -> dict[str, int]:
    """Decide who is owed what, then check the books: out of balance, nothing is sent.

    Raises OutOfBalance after the run was closed with exit 5.
    """
    with _alone(line):
        return _route(line, _running(line, run_id))


def _route(line: Line, run: Run) -> dict[str, int]:
    with _timed(line, run.run_id, "Route"):
        outcome = route_scores.route_scores(line, run_id=run.run_id, on=run.business_date)
    with _timed(line, run.run_id, "Check the books"):
        faults = close_books.check_before_sending(line, run)
    if faults:
        _close(line, run)
        raise OutOfBalance(
            " ".join(faults) + f" Nothing was sent. See `python -m distribution run show {run.run_id}`."
        )
    return {
        "results": outcome.results,
        "added": outcome.added,
        "settled": outcome.settled,
        "withdrawn": outcome.withdrawn,
    }


def print_paper(line: Line, run_id: str) -> dict[str, int]:
    """Make tonight's print batches and tell the mailroom."""
    with _beside_others(line):
        return _print_paper(line, _running(line, run_id))


def _print_paper(line: Line, run: Run) -> dict[str, int]:
    if not _wanted(run, Channel.PAPER) or sending.in_force(line):
        return {"batches": 0, "placed": 0, "held": 0}
    with _timed(line, run.run_id, "Print batches"):
        outcome = print_batches.print_batches(line, run_id=run.run_id, on=run.business_date)
    # At once: files and portal may take hours, or break the night off, and the mailroom begins meanwhile.
    tell_mailroom.tell_mailroom(line)
    return {"batches": len(outcome.batches), "placed": outcome.placed, "held": outcome.held}


def build(line: Line, run_id: str) -> list[list[str]]:
    """Write tonight's score files; the DIs that have files to send, in shards that share no host account."""
    with _beside_others(line):
        return _build(line, _running(line, run_id))


def _build(line: Line, run: Run) -> list[list[str]]:
    if not _wanted(run, Channel.ELECTRONIC):
        return []
    with _timed(line, run.run_id, "Read acknowledgements"):
        read_acknowledgements.read_acknowledgements(line)
    with _timed(line, run.run_id, "Write score files"):
        outcome = build_files.build_files(line, run_id=run.run_id, on=run.business_date)
    with line.connect() as conn:
        known = endpoints.in_force(conn)
    return shards(outcome.dis, known, most=SHARDS)


def send(line: Line, run_id: str, dis: Sequence[str]) -> dict[str, int]:
    """Send the files of these DIs."""
    with _beside_others(line):
        return _send(line, _running(line, run_id), dis)


def _send(line: Line, run: Run, dis: Sequence[str]) -> dict[str, int]:
    if not dis or sending.in_force(line):
        return {"delivered": 0, "failed": 0, "held": 0}
    with _timed(line, run.run_id, "Send score files"):
        outcome = send_files.send_files(line, run_id=run.run_id, on=run.business_date, dis=dis)
    return {"delivered": outcome.delivered, "failed": outcome.failed, "held": outcome.held}


def stage(line: Line, run_id: str) -> dict[str, int]:
    """Stage tonight's scores for schools."""
    with _beside_others(line):
        return _stage(line, _running(line, run_id))


def _stage(line: Line, run: Run) -> dict[str, int]:
    if not _wanted(run, Channel.PORTAL) or sending.in_force(line):
        return {"staged": 0, "schools": 0}
    with _timed(line, run.run_id, "Stage for schools"):
        outcome = staging.stage_scores(line, run_id=run.run_id, on=run.business_date)
    return {"staged": outcome.staged, "schools": outcome.schools}


def close_run(line: Line, run_id: str) -> dict[str, Any]:
    """Send the notices, close the books, write the report: the document of contract section 5."""
    with _alone(line):
        with line.connect() as conn:
            run = runs.read(conn, run_id)
        _send_parallel(line, run)
        return _close(line, run)


def _close(line: Line, run: Run) -> dict[str, Any]:
    if run.state == "running":
        with _timed(line, run.run_id, "Mail notices"):
            mails.plan_correction_notices(line, run_id=run.run_id)
            mails.send_waiting(line)
    return close_books.close(line, run)


def _send_parallel(line: Line, run: Run) -> None:
    """Second layouts come last of all that is sent: whatever becomes of them, no score waits for them."""
    if _wanted(run, Channel.ELECTRONIC) and not sending.in_force(line):
        send_parallel.send_parallel(line, on=run.business_date)


def run_nightly(
    line: Line,
    *,
    on: date,
    only: str | None = None,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """The whole night in this process: the document of contract section 5; `exit` in it is the exit code.

    Raises AnotherRunHoldsTheLock when another run is at work, and UsageError, before anything is done, for a
    setting that no batch could be printed with.
    """
    _check_settings(line, only)
    if dry_run:
        return preview_night.preview_night(line, on=on, only=only)
    with _alone(line):
        with line.connect() as conn:
            run = _opened(conn, line, on=on, only=only)
        say(f"Run {run.run_id} for {on}")
        with _timed(line, run.run_id, "Read and record feeds"):
            ingested = _ingest(line)
        say("Feeds: {feeds} seen, {refused} refused, {records:,} records".format(**ingested))
        try:
            say("Routing: {added:,} deliveries added, {withdrawn:,} withdrawn".format(**_route(line, run)))
        except OutOfBalance as exc:
            say(str(exc))
            with line.connect() as conn:
                return runs.read(conn, run.run_id).summary
        if paused := sending.in_force(line):
            say(f"Sending is paused: {paused.reason} Files are built, nothing leaves.")
        say("Paper: {placed:,} reports in {batches} batches".format(**_print_paper(line, run)))
        built = _build(line, run)
        sent = _send(line, run, [di for shard in built for di in shard])
        say("Electronic: {delivered:,} delivered, {failed:,} failed".format(**sent))
        say("Portal: {staged:,} staged for {schools} schools".format(**_stage(line, run)))
        _send_parallel(line, run)
        return _close(line, run)


def _wanted(run: Run, channel: Channel) -> bool:
    return run.state == "running" and run.only_channel in (None, channel)


def _check_settings(line: Line, only: str | None) -> None:
    if only in (None, Channel.PAPER):
        paper_settings.check(line.settings)


def _running(line: Line, run_id: str) -> Run:
    with line.connect() as conn:
        return runs.read(conn, run_id)


@contextmanager
def _alone(line: Line) -> Iterator[None]:
    """Hold the run's lock for a step that no other may overlap."""
    with line.connect(autocommit=True) as guard, locks.held(guard, locks.RUN):
        yield


@contextmanager
def _beside_others(line: Line) -> Iterator[None]:
    """Share the run's lock with the other channels' steps."""
    with line.connect(autocommit=True) as guard, locks.held(guard, locks.RUN, shared=True):
        yield


@contextmanager
def _timed(line: Line, run_id: str, name: str) -> Iterator[None]:
    """Note a step's wall time and the process's peak memory with the run."""
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    fields = {"step": name, "seconds": seconds, "peak_mb": peak_mb}
    log.info("%(step)s: %(seconds).1f s, peak %(peak_mb).0f MB", fields, extra=fields)
    with line.connect() as conn:
        runs.note_step(conn, run_id, name, seconds=seconds, peak_mb=peak_mb)
