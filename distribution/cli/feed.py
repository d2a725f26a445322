"""`feed`: feeds that arrived."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document, say

if TYPE_CHECKING:
    from distribution.jobs.ingest_feeds import FeedOutcome

app = typer.Typer(help="Feeds that arrived: take in, check, list.", no_args_is_help=True)

_COUNTS = ("records", "new", "corrected", "duplicate", "held")
_REFUSED = 4


@app.command()
def ingest(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Feeds to take in where they are; none = the inbox."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Earlier results: staged for schools, owed to no DI.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Take feeds in. Exit 4 when one of them was refused; the others are recorded."""
    from distribution.jobs import ingest_feeds, wiring

    with wiring.line_of() as line:
        if files:
            outcome = ingest_feeds.ingest_files(line, files, history=history)
        else:
            outcome = ingest_feeds.ingest_inbox(line, history=history)
    emit(
        list_document("feeds", [_row(feed) for feed in outcome.feeds]),
        as_json=json,
        table=Table(
            ["file", "state", "code", *_COUNTS],
            [[feed.file, feed.state, feed.code, *_counts(feed)] for feed in outcome.feeds],
            empty="The inbox holds no complete feed: each needs its control file beside it.",
        ),
    )
    for feed in outcome.feeds:
        if feed.code:
            _say_why(feed)
    if outcome.refused:
        raise typer.Exit(_REFUSED)


def _say_why(feed: "FeedOutcome") -> None:
    from distribution import advice

    say(f"{feed.file} was refused ({feed.code}): {feed.detail} {advice.what_to_do(feed.code)}")


def _counts(feed: "FeedOutcome") -> list[int]:
    return [feed.records, feed.new, feed.corrected, feed.duplicate, feed.held]


def _row(feed: "FeedOutcome") -> dict[str, Any]:
    counts = dict(zip(_COUNTS, _counts(feed), strict=True))
    return {"file": feed.file, "feed": feed.feed, "state": feed.state, "code": feed.code or None, **counts}


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A feed, its control file beside it.")],
    json: JsonOption = False,
) -> None:
    """Say what `feed ingest FILE` would do; nothing is recorded."""
    from distribution.jobs import ingest_feeds, wiring

    with wiring.line_of() as line:
        checked = ingest_feeds.check_file(line, file)
    held = [{"line": place, "reason": reason, "column": column} for place, reason, column in checked.held]
    emit(
        {"schema_version": 1, **_row(checked.outcome), "rows_held": held},
        as_json=json,
        lines=lambda: [
            f"{checked.outcome.file} would be {checked.outcome.state}: "
            + ", ".join(
                f"{count:,} {name}" for name, count in zip(_COUNTS, _counts(checked.outcome), strict=True)
            )
            + "."
        ],
        table=Table(
            ["line", "reason", "column"],
            [[str(row["line"]), row["reason"], row["column"]] for row in held],
            empty="No row would be held.",
        ),
    )


@app.command("list")
def list_command(json: JsonOption = False) -> None:
    """List every feed seen, newest first, after those that still lack their control file."""
    from distribution.jobs import list_feeds, wiring

    with wiring.line_of() as line:
        rows = list_feeds.list_feeds(line)
        late = list_feeds.long_arriving(line)
        gaps = list_feeds.gaps(line, line.today())
    emit(
        list_document("feeds", rows),
        as_json=json,
        table=Table(
            ["file", "state", "code", *_COUNTS, "recorded at"],
            [
                [row["file"], row["state"], row["code"] or "", *(row[name] for name in _COUNTS), _time(row)]
                for row in rows
            ],
            empty="No feed has arrived yet. Put feeds and their control files into the inbox: feed ingest.",
        ),
    )
    for name in late:
        say(f"{name} has waited for its control file for more than 24 hours: ask the sender for it.")
    for gap in gaps:
        numbers = ", ".join(f"{number:03d}" for number in gap.missing)
        say(f"feed-incomplete: of {gap.kind} of {gap.day}, {numbers} has not come: ask the sender for it.")


def _time(row: dict[str, Any]) -> str:
    return row["recorded_at"].isoformat(timespec="seconds") if row["recorded_at"] else ""
