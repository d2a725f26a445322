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


@app.command("unopened")
def list_unopened(json: JsonOption = False) -> None:
    """Schools with scores of this academic year and nobody able to sign in, and what is missing."""
    from distribution.jobs import standing, wiring

    rows = standing.unopened_schools(wiring.open_line())
    columns = ("code", "name", "scores", "since", "why", "what_to_do")
    table = Table(
        columns=[column.replace("_", " ") for column in columns],
        rows=[[row[column] for column in columns] for row in rows],
        empty="Somebody can sign in at every school that has scores.",
    )
    emit(list_document("schools", rows), as_json=json, table=table)


marks_app = typer.Typer(no_args_is_help=True, help="Scores that a coordinator says are no student of theirs.")
app.add_typer(marks_app, name="marks")
MarkId = Annotated[int, typer.Argument(metavar="ID", help="The mark's id, as `school marks list` shows it.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="What the coordinator reads; no student's name, please.")
]


@marks_app.command("list")
def list_marks(
    all_of_them: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    json: JsonOption = False,
) -> None:
    """Who marked which result of which school, and since when."""
    from distribution.jobs import settle_marks, wiring

    rows = settle_marks.listed(wiring.open_line(), all_of_them=all_of_them)
    columns = ("id", "school", "result", "state", "marked_by", "marked_at", "reason")
    table = Table(
        columns=[column.replace("_", " ") for column in columns],
        rows=[[_cell(row[column]) for column in columns] for row in rows],
        empty="No mark waits. `school marks list --all` shows those that are settled.",
    )
    emit(list_document("marks", rows), as_json=json, table=table)


@marks_app.command("confirm")
def confirm_mark(mark_id: MarkId, reason: ReasonOption, json: JsonOption = False) -> None:
    """It is no student of that school: the score is withdrawn there, other recipients keep it."""
    from distribution.jobs import settle_marks, wiring

    line = wiring.open_line()
    document = settle_marks.confirm(line, mark_id, reason=reason, by=wiring.actor(), at=line.now())
    emit({"schema_version": 1, **document}, as_json=json, lines=lambda: [f"Mark {mark_id}: confirmed"])


@marks_app.command("refuse")
def refuse_mark(mark_id: MarkId, reason: ReasonOption, json: JsonOption = False) -> None:
    """It is a student of that school: the score is in its view again, with your words."""
    from distribution.jobs import settle_marks, wiring

    line = wiring.open_line()
    document = settle_marks.refuse(line, mark_id, reason=reason, by=wiring.actor(), at=line.now())
    emit({"schema_version": 1, **document}, as_json=json, lines=lambda: [f"Mark {mark_id}: refused"])


people_app = typer.Typer(no_args_is_help=True, help="Who may see a school's scores.")
app.add_typer(people_app, name="people")
SchoolCode = Annotated[str, typer.Argument(metavar="CODE", help="Code of the school, district or college.")]


@people_app.command("list")
def list_people(code: SchoolCode, json: JsonOption = False) -> None:
    """Coordinator and alternates in force, in whose word each stands, and who signed in."""
    from distribution.jobs import named_people, wiring

    rows = named_people.listed(wiring.open_line(), code)
    columns = ("role", "name", "email", "named_by", "since", "last_signed_in_at")
    table = Table(
        columns=[column.replace("_", " ") for column in columns],
        rows=[[_cell(row[column]) or "" for column in columns] for row in rows],
        empty=f"{code} has no coordinator and no alternate. A contacts feed brings them.",
    )
    emit(list_document("people", rows), as_json=json, table=table)


@people_app.command("end")
def end_person(
    code: SchoolCode,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="As `school people list` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the records.")],
    json: JsonOption = False,
) -> None:
    """End at once the access of somebody whom no feed brought: a confirmed coordinator, a named alternate."""
    from distribution.jobs import named_people, wiring

    line = wiring.open_line()
    document = named_people.end(line, code, email, reason=reason, by=wiring.actor(), at=line.now())
    emit(
        {"schema_version": 1, **document},
        as_json=json,
        lines=lambda: [f"{document['email']} is {document['role']} of {code} no more"],
    )


def _cell(value: object) -> object:
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else value


def _day(text: str) -> date:
    from distribution.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is no date. Write it as 2026-11-23.") from exc
