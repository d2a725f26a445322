"""`sending`: hold back all that leaves, and let it go again."""

from datetime import date, datetime, time
from typing import Annotated

import typer

from distribution.cli.output import JsonOption, emit
from distribution.errors import UsageError

app = typer.Typer(help="Pause and resume all sending.", no_args_is_help=True)


@app.command()
def pause(
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record; no student's name.")],
    until: Annotated[
        str | None, typer.Option("--until", help="YYYY-MM-DD or YYYY-MM-DDTHH:MM in the line's zone.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let nothing leave on any channel; nights go on taking feeds in, routing and building."""
    from distribution.jobs import sending, wiring

    if not reason.strip():
        raise UsageError("--reason must say why.")
    line = wiring.open_line()
    ends = sending.pause(line, reason=reason.strip(), until=_moment(until))
    document = {"schema_version": 1, "paused": True, "reason": reason.strip(), "until": ends}
    how_long = f"until {ends:%Y-%m-%d %H:%M %Z}" if ends else "until `sending resume`"
    emit(document, as_json=as_json, lines=lambda: [f"Nothing leaves {how_long}."])


def _moment(text: str | None) -> datetime | None:
    """The local time that was stated; a date is the beginning of that day."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-23"):
            return datetime.combine(date.fromisoformat(text), time())
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is no time. Write it as 2026-11-23 or 2026-11-23T18:00.") from exc


@app.command()
def resume(as_json: JsonOption = False) -> None:
    """Let what waits leave with the next run."""
    from distribution.jobs import sending, wiring

    was_paused = sending.resume(wiring.open_line())
    document = {"schema_version": 1, "paused": False, "was_paused": was_paused}
    said = "Sending goes on with the next run." if was_paused else "Sending was not paused."
    emit(document, as_json=as_json, lines=lambda: [said])
