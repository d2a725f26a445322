"""Write a run's report: gather its facts from the ledger, draw the page, put both files into place."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from distribution.errors import UsageError
from distribution.jobs import standing
from distribution.jobs.wiring import Line
from distribution.ledger import run_facts, runs
from distribution.report import content as report
from distribution.report import run_report
from distribution.report.balance import HeldCarried, Owed, Received, WaitingCarried

log = logging.getLogger(__name__)
PAGE, FACTS = "report.html", "run.json"
Counts = TypeVar("Counts", Received, Owed, HeldCarried, WaitingCarried, report.Went)


def report_path(line: Line, run: runs.Run) -> Path:
    """`reports/YYYY-MM-DD/<run>/report.html`, whether or not it is there."""
    return line.settings.reports / run.business_date.isoformat() / run.run_id / PAGE


def write_report(line: Line, run_id: str, *, document: Mapping[str, Any] | None = None) -> Path:
    """Write report.html and run.json of a run; returns the page's path. The same ledger gives the same bytes.

    `document` is the run's document where the run is not finished yet; a finished one has it in the ledger.
    Beside the contract's keys it may carry `owed` (the fields of `balance.Owed`) and `faults` (sentences).
    Raises UsageError when there is no such run.
    """
    with line.connect() as conn:
        run_facts.speak_in(conn, line.settings.time_zone)
        run = find_run(conn, run_id)
        content = gather(line, conn, run, document=dict(run.summary if document is None else document))
    page = report_path(line, run)
    page.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _put(page.with_name(FACTS), run_report.document(content))
    _put(page, run_report.html(content))
    log.info("Wrote the report of run %s", run_id)
    return page


def find_run(conn: psycopg.Connection, run_id: str) -> runs.Run:
    """The run of that id. Raises UsageError when there is none."""
    try:
        return runs.read(conn, run_id)
    except KeyError as exc:
        raise UsageError(f"There is no run {run_id}. All runs are shown by: run list.") from exc


def gather(
    line: Line, conn: psycopg.Connection, run: runs.Run, *, document: dict[str, Any]
) -> report.ReportContent:
    """Everything that the report shows, from the ledger and the run's document."""
    seen, on = run_facts.window(run), run.business_date
    now = standing.standing(line, conn, on=on, seen=seen)
    carried, faults = document.get("carried", {}), tuple(document.get("faults", ()))
    reasons = tuple(report.HeldReason(**row) for row in run_facts.held_row_reasons(conn, seen))
    first_rows = run_facts.held_rows(conn, seen, limit=report.ROWS_SHOWN)
    built = [report.File(**row) for row in run_facts.files(conn, run.run_id, on)]
    attending_results, attending_codes = run_facts.unknown_attending(conn, seen)
    return report.ReportContent(
        run=run.run_id,
        on=on,
        only=run.only_channel or "",
        started_at=run.started_at,
        finished_at=run.finished_at,
        exit=document.get("exit"),
        balanced=document.get("balanced"),
        faults=faults,
        received=_counts(Received, document.get("received")),
        owed=_counts(Owed, document["owed"]) if document.get("owed") else None,
        held=_counts(HeldCarried, carried.get("held")),
        waiting=_counts(WaitingCarried, carried.get("waiting")),
        went=_counts(report.Went, document.get("deliveries")),
        schools=int(document.get("schools", 0)),
        unknown_attending_results=attending_results,
        unknown_attending_codes=attending_codes,
        steps=tuple(report.Step(**step) for step in run.steps),
        needs=now.needs(faults),
        feeds=report.Listing.of(now.feeds),
        feed_gaps=now.feed_gaps,
        held_rows=report.Listing.of(
            (report.HeldRow(**row) for row in first_rows), total=sum(reason.count for reason in reasons)
        ),
        held_row_reasons=reasons,
        held_deliveries=report.Listing.of(now.held_deliveries),
        open_files=report.Listing.of(now.open_files),
        waiting_deliveries=report.Listing.of(now.waiting),
        batches=report.Listing.of(report.Batch(**row) for row in run_facts.batches(conn, run_id=run.run_id)),
        files=report.Listing.of(built),
        spelled_out=report.Listing.of(_spelled_out(built)),
        later_run=run_facts.later_run(conn, run),
        document=document,
    )


def _spelled_out(built: Iterable[report.File]) -> Iterator[report.SpelledOut]:
    """Of the files in their order by institution, those with records that were spelled out, summed up."""
    for (code, name), files in groupby(built, key=lambda file: (file.code, file.name)):
        if records := sum(file.transliterated for file in files):
            yield report.SpelledOut(code, name, records)


def _counts(kind: type[Counts], numbers: Mapping[str, Any] | None) -> Counts:
    """The named counts as numbers; a run that has not counted yet shows zeros."""
    known = numbers or {}
    return kind(**{counted.name: int(known.get(counted.name, 0)) for counted in fields(kind)})


def _put(path: Path, text: str) -> None:
    """Write beside, flush to the disk, rename: nobody ever reads half a report."""
    beside = path.with_name(path.name + ".tmp")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
