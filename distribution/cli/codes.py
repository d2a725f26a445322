"""Access codes of schools and districts."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution import academic_year
from distribution.cli.output import JsonOption, Table, YesOption, confirm, emit, list_document
from distribution.errors import UsageError

if TYPE_CHECKING:
    from distribution.jobs.wiring import Line

app = typer.Typer(no_args_is_help=True, help="Access codes of schools and districts.")

YearOption = Annotated[str, typer.Option("--year", help="Academic year, as 2027-28.")]
OneYearOption = Annotated[
    str | None, typer.Option("--year", help="Academic year; default that of the code in force.")
]
DateOption = Annotated[
    str | None, typer.Option("--date", help="Day whose contacts and states count; default today.")
]


@app.command("preview")
def show_preview(year: YearOption, on: DateOption = None, json: JsonOption = False) -> None:
    """Who would get an access code, who keeps one, and who has no contact. Changes nothing."""
    from distribution.jobs import issue_access_codes, wiring

    first_year = academic_year.parsed(year)
    line = wiring.open_line()
    document = issue_access_codes.preview(line, year=first_year, on=_day(line, on)).document()
    emit(document, as_json=json, lines=lambda: _preview_lines(document))


@app.command()
def issue(
    year: YearOption,
    approve: Annotated[bool, typer.Option("--approve", help="You have read the preview.")] = False,
    on: DateOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Mint the codes of a year and mail each to its organisation; without --approve, the preview."""
    from distribution.jobs import issue_access_codes, wiring

    first_year = academic_year.parsed(year)
    line = wiring.open_line()
    day = _day(line, on)
    previewed = issue_access_codes.preview(line, year=first_year, on=day).document()
    if not approve:
        emit(previewed, as_json=json, lines=lambda: _preview_lines(previewed))
        raise UsageError("Nothing was issued. Read the preview, then add --approve.")
    confirm(f"Mail the access codes of {year} to {len(previewed['to_mail'])} organisations?", yes=yes)
    outcome = issue_access_codes.issue(line, year=first_year, on=day, approved_by=wiring.actor())
    document = outcome.document()
    emit(document, as_json=json, lines=lambda: _outcome_lines(document))


@app.command("list")
def list_codes(
    year: Annotated[str | None, typer.Option("--year", help="Only this academic year.")] = None,
    json: JsonOption = False,
) -> None:
    """Where each code stands; the codes themselves are never shown."""
    from distribution.jobs import issue_access_codes, wiring

    only = academic_year.parsed(year) if year else None
    line = wiring.open_line()
    rows = issue_access_codes.listed(line, year=only, on=line.today())
    columns = ("organization", "academic_year", "state", "issued_at", "mailed_at", "redeemed_at", "reason")
    table = Table(
        columns=[column.replace("_", " ") for column in columns],
        rows=[[_cell(row[column]) for column in columns] for row in rows],
        empty="No access code is on file. `codes preview --year 2027-28` shows who would get one.",
    )
    emit(list_document("codes", rows), as_json=json, table=table)


@app.command()
def remind(year: YearOption, on: DateOption = None, json: JsonOption = False) -> None:
    """Mail the same code again, once, where nobody has used it yet; from 15 August mornings do it."""
    from distribution.jobs import keep_codes, wiring

    first_year = academic_year.parsed(year)
    line = wiring.open_line()
    document = keep_codes.remind(line, year=first_year, on=_day(line, on)).document()
    emit(document, as_json=json, lines=lambda: _reminder_lines(document))


@app.command()
def resend(
    organization: str,
    year: OneYearOption = None,
    on: DateOption = None,
    json: JsonOption = False,
) -> None:
    """Mail an organisation's code once more to its primary contact; the code stays the same."""
    from distribution.jobs import keep_codes, wiring

    only = academic_year.parsed(year) if year else None
    line = wiring.open_line()
    document = keep_codes.resend(line, organization, on=_day(line, on), year=only)
    emit(document, as_json=json, lines=lambda: _code_lines(document))


@app.command()
def revoke(
    organization: str,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the records.")],
    year: OneYearOption = None,
    on: DateOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """End an organisation's code at once and mail a new one to its primary contact."""
    from distribution.jobs import keep_codes, wiring

    only = academic_year.parsed(year) if year else None
    line = wiring.open_line()
    confirm(f"End the access code of {organization} at once and mail a new one?", yes=yes)
    document = keep_codes.revoke(
        line, organization, reason=reason, by=wiring.actor(), on=_day(line, on), year=only
    )
    emit(document, as_json=json, lines=lambda: _code_lines(document))


@app.command()
def bounce(
    file: Annotated[Path, typer.Argument(help="A returned mail (.eml), an mbox of them, or a .csv.")],
    json: JsonOption = False,
) -> None:
    """Book mails that came back later; their organisations are listed as needing a person."""
    from distribution.jobs import book_bounces, wiring

    line = wiring.open_line()
    document = book_bounces.book(line, file, at=line.now())
    emit(document, as_json=json, lines=lambda: _bounce_lines(document))


requests_app = typer.Typer(no_args_is_help=True, help="Requests for a code that operations must decide.")
app.add_typer(requests_app, name="requests")
ReasonOption = Annotated[str, typer.Option("--reason", help="How it was checked, for the records.")]


@requests_app.command("list")
def list_requests(
    all_of_them: Annotated[bool, typer.Option("--all", help="Answered and settled ones too.")] = False,
    json: JsonOption = False,
) -> None:
    """Who asks, for which school, and since when."""
    from distribution.jobs import settle_requests, wiring

    rows = settle_requests.listed(wiring.open_line(), all_of_them=all_of_them)
    columns = ("id", "kind", "state", "organization", "name", "email", "role", "asked_at")
    table = Table(
        columns=[column.replace("_", " ") for column in columns],
        rows=[[_cell(row[column]) for column in columns] for row in rows],
        empty="No request waits. `codes requests list --all` shows those that are settled.",
    )
    emit(list_document("requests", rows), as_json=json, table=table)


@requests_app.command("confirm")
def confirm_request(reference: str, reason: ReasonOption, json: JsonOption = False) -> None:
    """The asker was confirmed through a contact on file or outside: coordinator from today, code mailed."""
    from distribution.jobs import settle_requests, wiring

    line = wiring.open_line()
    document = settle_requests.confirm(line, reference, reason=reason, by=wiring.actor(), at=line.now())
    emit({"schema_version": 1, **document}, as_json=json, lines=lambda: [f"{reference}: {document['state']}"])


@requests_app.command("refuse")
def refuse_request(reference: str, reason: ReasonOption, json: JsonOption = False) -> None:
    """Turn a request down; nothing opens."""
    from distribution.jobs import settle_requests, wiring

    line = wiring.open_line()
    document = settle_requests.refuse(line, reference, reason=reason, by=wiring.actor(), at=line.now())
    emit({"schema_version": 1, **document}, as_json=json, lines=lambda: [f"{reference}: {document['state']}"])


def _day(line: "Line", text: str | None) -> date:
    if text is None:
        return line.today()
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} is no date. Write it as 2027-06-15.") from exc


def _cell(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value or "")


def _preview_lines(document: dict[str, Any]) -> list[str]:
    return [
        f"Access codes of {document['year']}, seen on {document['date']}",
        f"Orders from {document['orders_from']} to {document['orders_to']}",
        f"Eligible organisations: {document['eligible']}",
        _named("get a mail", document["to_mail"]),
        _named("keep their code", document["kept"]),
        _named("have no primary contact: a person must find one", document["no_contact"]),
        _named("had their mail returned: the contact must be mended", document["bounced"]),
        _named("ordered, but are closed (not eligible)", document["closed"]),
    ]


def _reminder_lines(document: dict[str, Any]) -> list[str]:
    return [
        f"Reminders of {document['year']}: nobody used the code of {document['unused']} organisations",
        _named("reminded now", document["reminded"]),
        _named("were reminded before", document["already"]),
        _named("have no primary contact: a person must find one", document["no_contact"]),
    ]


def _code_lines(document: dict[str, Any]) -> list[str]:
    to = document["mailed_to"] or "nobody: there is no primary contact in force"
    return [
        f"Access code of {document['organization']} for {document['academic_year']}: {document['state']}",
        f"  goes to {to}",
    ]


def _bounce_lines(document: dict[str, Any]) -> list[str]:
    return [
        f"{document['file']}: {len(document['bounces'])} mails came back",
        *(
            f"  {each['organization']}: {each['kind']}, status {each['status'] or 'not given'}"
            + (f", its code is {each['code']}" if each["code"] else "")
            for each in document["bounces"]
        ),
        *(
            f"  {document[name]:>5} {meaning}"
            for name, meaning in (
                ("already", "were booked before"),
                ("delayed", "are only late: the server still tries"),
                ("unknown", "are no mail of ours"),
                ("unreadable", "are no delivery status notification: a person reads them"),
            )
            if document[name]
        ),
    ]


def _outcome_lines(document: dict[str, Any]) -> list[str]:
    return [
        f"Access codes of {document['year']}, approved by {document['approved_by']}",
        f"Eligible organisations: {document['eligible']}, new codes: {document['minted']}",
        _named("mailed", document["mailed"]),
        _named("keep their code", document["kept"]),
        _named("have no primary contact: a person must find one", document["no_contact"]),
        _named("returned: the contact must be mended", document["bounced"]),
        _named("wait for the mail server", document["waiting"]),
    ]


def _named(what: str, organizations: list[str]) -> str:
    names = f": {' '.join(organizations)}" if organizations else ""
    return f"  {len(organizations):>5} {what}{names}"
