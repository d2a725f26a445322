"""`reconcile`: what is owed against what was delivered, and what needs a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from textwrap import wrap
from typing import Annotated, Any

import typer

from distribution.cli.output import JsonOption, emit

app = typer.Typer()
OUT_OF_BALANCE = 5
_WIDTH = 100


@app.command()
def reconcile(
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Day to look from (default: today).", metavar="D"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What is owed against what was delivered, and what needs a person. Exit 0, or 5 when out of balance."""
    from distribution.jobs import reconcile_deliveries, wiring

    line = wiring.open_line()
    document = reconcile_deliveries.reconcile(line, on=day.date() if day else line.today())
    emit(document, as_json=as_json, lines=lambda: _lines(document))
    if not document["balanced"]:
        raise typer.Exit(OUT_OF_BALANCE)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    owed = document["owed"]
    parts = ("delivered", "acknowledged", "returned", "waiting", "held", "withdrawn")
    yield f"Owed {owed['owed']:,} = " + " + ".join(f"{owed[part]:,} {part}" for part in parts)
    yield "Balanced." if document["balanced"] else "OUT OF BALANCE"
    yield from (f"  {fault}" for fault in document["faults"])
    yield ""
    needs = document["needs_a_person"]
    yield f"{len(needs)} to look at:" if needs else "Nothing needs a person."
    for need in needs:
        yield ""
        yield f"{need['level']:<11} {need['what']}"
        yield from _indented(need["effect"])
        yield from _indented(f"Next: {need['what_to_do']}")


def _indented(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)
