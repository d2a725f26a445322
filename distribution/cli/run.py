"""`run`: walk the night, list runs, show one, find its report."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document, say, table_lines

app = typer.Typer(help="The night: ingest, route, print, send, stage, balance, report.", no_args_is_help=True)

_ENDINGS = {
    0: "finished",
    3: "finished; files failed or wait for a retry",
    4: "finished; a feed was refused",
    5: "out of balance; sending is blocked",
}
_LISTED = 1000


class Only(StrEnum):
    """The one channel of a night that takes no other."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    PORTAL = "portal"


DateOption = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="Business date (default: today).", metavar="D"),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `run list` shows it.")]


@app.command()
def nightly(
    day: DateOption = None,
    only: Annotated[Only | None, typer.Option(help="Only this channel.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go where; write and send nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Walk the night: ingest, route, print, send, stage, balance, report. Exit 0, 3, 4 or 5."""
    from distribution.jobs import distribute_scores, wiring

    line = wiring.open_line()
    on = day.date() if day else line.today()
    document = distribute_scores.run_nightly(line, on=on, only=only, dry_run=dry_run, say=say)
    page = None if dry_run else _report_of(line, document["run"])
    lines = preview_lines if dry_run else night_lines
    emit(document, as_json=as_json, lines=lambda: lines(document, report=page))
    raise typer.Exit(document["exit"])


@app.command("list")
def list_runs(as_json: JsonOption = False) -> None:
    """All runs, the newest first."""
    from distribution.jobs import wiring
    from distribution.ledger import runs

    with wiring.open_line().connect() as conn:
        rows = [_listed(run) for run in runs.newest(conn, _LISTED)]
    columns = ("run", "date", "state", "exit", "balanced", "records", "sent", "started_at")
    table = Table(
        columns=columns,
        rows=[[_shown(row[column]) for column in columns] for row in rows],
        empty="No run yet. Start one with: run nightly",
    )
    emit(list_document("runs", rows), as_json=as_json, table=table)


def _listed(run: Any) -> dict[str, Any]:
    deliveries = run.summary.get("deliveries", {})
    return {
        "run": run.run_id,
        "kind": run.kind,
        "date": run.business_date.isoformat(),
        "state": run.state,
        "exit": run.exit_code,
        "balanced": run.balanced,
        "records": run.summary.get("received", {}).get("records", 0),
        "sent": sum(deliveries.get(channel, 0) for channel in Only),
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "finished_at": run.finished_at.isoformat(timespec="seconds") if run.finished_at else None,
    }


def _shown(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


@app.command()
def show(run_id: RunArgument, as_json: JsonOption = False) -> None:
    """One run: its document and what each step took."""
    from distribution.jobs import wiring, write_report

    line = wiring.open_line()
    with line.connect() as conn:
        run = write_report.find_run(conn, run_id)
    document = {**_listed(run), **run.summary, "state": run.state, "steps": run.steps}
    page = write_report.report_path(line, run)
    emit(
        {key: value for key, value in document.items() if key not in ("records", "sent")},
        as_json=as_json,
        lines=lambda: [*night_lines(document, report=page if page.exists() else None), *_step_lines(run)],
    )


@app.command()
def report(run_id: RunArgument, as_json: JsonOption = False) -> None:
    """The path of a run's report; written again where it is missing."""
    from distribution.jobs import wiring

    line = wiring.open_line()
    path = _report_of(line, run_id)
    emit({"schema_version": 1, "run": run_id, "report": path}, as_json=as_json, lines=lambda: [str(path)])


def _report_of(line: Any, run_id: str) -> Any:
    from distribution.jobs import write_report

    with line.connect() as conn:
        run = write_report.find_run(conn, run_id)
    page = write_report.report_path(line, run)
    return page if page.exists() else write_report.write_report(line, run_id)


def night_lines(document: Mapping[str, Any], *, report: Any = None) -> Iterator[str]:
    """The night in a dozen aligned lines: how it ended, the balances, where things lie."""
    yield f"Run {document['run']} for {_in_words(document['date'])}: {_ending(document)}."
    if "received" in document:
        yield ""
        yield from _sums(document)
        yield ""
        yield (
            "Balanced."
            if document["balanced"]
            else "OUT OF BALANCE: nothing is sent until the cause is found."
        )
        yield from (f"  {fault}" for fault in document.get("faults", ()))
        yield ""
        yield from _places(document)
    if report:
        yield f"{'Report':<10}{report}"


def preview_lines(document: Mapping[str, Any], *, report: Any = None) -> Iterator[str]:
    """What a night would do, as it stands now."""
    yield f"Dry run for {_in_words(document['date'])}: nothing was written or sent."
    went = document["deliveries"]
    yield ""
    yield from _aligned(
        [
            (
                "To send",
                sum(went[channel] for channel in Only),
                _added(went, "electronic", "paper", "portal"),
            ),
            ("Held", went["held"], "deliveries that wait for a person"),
        ]
    )
    if document["arrived"]:
        yield ""
        yield f"In the inbox, not counted above: {_first(document['arrived'])}"


def _in_words(day: str) -> str:
    given = date.fromisoformat(day)
    return f"{given:%a} {given.day} {given:%b %Y}"


def _ending(document: Mapping[str, Any]) -> str:
    if document.get("exit") is None:
        return "not finished"
    code = document["exit"]
    is_quiet = not document["received"]["records"] and not any(document["deliveries"].values())
    return "nothing new, nothing sent" if code == 0 and is_quiet else _ENDINGS.get(code, f"exit {code}")


def _sums(document: Mapping[str, Any]) -> Iterator[str]:
    received, went, carried = document["received"], document["deliveries"], document["carried"]
    sent = sum(went[channel] for channel in Only)
    unsent = went["held"] + went["failed"] + went["waiting"]
    held, waiting = carried["held"], carried["waiting"]
    yield from _aligned(
        [
            ("Received", received["records"], _added(received, "new", "corrected", "duplicate", "held")),
            ("Sent", sent, _added(went, "electronic", "paper", "portal")),
            ("Not sent", unsent, _added(went, "held", "failed", "waiting")),
            ("Held", held["closing"], _carried(held, minus=("released", "rejected"))),
            ("Waiting", waiting["closing"], _carried(waiting, minus=("delivered", "withdrawn"))),
        ]
    )


def _added(counts: Mapping[str, int], *names: str) -> str:
    return " + ".join(f"{counts[name]:,} {name}" for name in names)


def _carried(counts: Mapping[str, int], *, minus: tuple[str, str]) -> str:
    taken = "".join(f" - {counts[name]:,} {name}" for name in minus)
    return f"{counts['opening']:,} before + {counts['added']:,} added{taken}"


def _aligned(sums: list[tuple[str, int, str]]) -> Iterator[str]:
    width = max(len(f"{whole:,}") for _, whole, _ in sums)
    for name, whole, parts in sums:
        yield f"{name:<10}{whole:>{width},} = {parts}"


def _places(document: Mapping[str, Any]) -> Iterator[str]:
    batches, files = document.get("batches", []), document.get("files", [])
    yield f"{'Batches':<10}{_first(batches) or 'none'}"
    yield f"{'Files':<10}{_first(files) or 'none'}"
    yield f"{'Schools':<10}{document.get('schools', 0):,}"


def _first(names: list[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _step_lines(run: Any) -> Iterator[str]:
    steps = [[step["name"], f"{step['seconds']:.1f}", f"{step['peak_mb']:.0f}"] for step in run.steps]
    yield ""
    yield from table_lines(Table(("step", "seconds", "peak MB"), steps, "No step has finished yet."))
