"""Schools' scores as the portal shows them."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from distribution import academic_year
from distribution.cli.output import JsonOption, Table, emit, list_document, say

app = typer.Typer(no_args_is_help=True, help="Schools' scores as the portal shows them.")


@app.command("list")
def list_schools(json: JsonOption = False) -> None:
    """Schools and districts on file, and how many scores each sees."""
    from distribution.jobs import export_school, wiring

    line = wiring.open_line()
    rows = export_school.schools(line, on=line.today())
    table = Table(
        columns=("code", "name", "kind", "state", "district", "scores", "academic years"),
        rows=[
            (
                row["code"],
                row["name"],
                row["kind"],
                row["state"],
                row["district"],
                row["scores"],
                " ".join(row["academic_years"]),
            )
            for row in rows
        ],
        empty="No school is on file yet. `feed ingest` takes in the institutions feed.",
    )
    emit(list_document("schools", rows), as_json=json, table=table)


@app.command()
def export(
    code: Annotated[str, typer.Argument(help="Code of the school, district or college.")],
    year: Annotated[str, typer.Option(help="Academic year, as 2026-27.")],
    out: Annotated[Path | None, typer.Option(help="File to write; without it, stdout.")] = None,
    on: Annotated[
        str | None, typer.Option("--date", help="Day whose districts and names count; default today.")
    ] = None,
) -> None:
    """One academic year of scores as CSV, as the portal's Export Score Data gives it."""
    from distribution.jobs import export_school, wiring

    first_year = academic_year.parsed(year)
    line = wiring.open_line()
    day = _day(on) if on else line.today()
    outcome = export_school.export_year(line, code, year=first_year, on=day, out=out or sys.stdout.buffer)
    say(f"{outcome.rows} scores of {outcome.year} for {code}{f' in {out}' if out else ''}")


def _day(text: str) -> date:
    from distribution.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is no date. Write it as 2026-11-23.") from exc
