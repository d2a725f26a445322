"""`institution`: recipients and how their scores reach them."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import typer

from distribution.cli import institution_endpoints
from distribution.cli.institution_endpoints import CodeArgument
from distribution.cli.output import JsonOption, Table, YesOption, emit, list_document, say
from distribution.cli.output import confirm as confirm_first
from distribution.errors import UsageError

app = typer.Typer(help="Recipients and how their scores reach them.", no_args_is_help=True)
institution_endpoints.add_to(app)
_FAULT, _TEMPORARY = 2, 75
_COLUMNS = ("code", "name", "kind", "method", "status", "successor", "endpoint")
_EMPTY = "No institution on file. Put an institutions feed into the inbox, then `feed ingest`."


@app.command("list")
def list_institutions(as_json: JsonOption = False) -> None:
    """Every institution as it stands today."""
    found = _on_file()
    rows = [list(each.values()) for each in found]
    emit(
        list_document("institutions", found),
        as_json=as_json,
        table=Table(_COLUMNS, rows, empty=_EMPTY, shortened="name"),
    )


def _on_file() -> list[dict[str, Any]]:
    from distribution.jobs import wiring
    from distribution.ledger import endpoints, institutions

    line = wiring.open_line()
    with line.connect() as conn:
        frame = institutions.in_force(conn, line.today())
        reachable, waiting = endpoints.in_force(conn), endpoints.unconfirmed(conn)
    columns = ("code", "name", "kind", "delivery_method", "status", "successor_code")
    return [
        dict(zip(columns, row, strict=True)) | {"endpoint": _endpoint_state(row[0], reachable, waiting)}
        for row in frame[list(columns)].itertuples(index=False, name=None)
    ]


def _endpoint_state(code: str, reachable: Mapping[str, object], waiting: frozenset[str]) -> str:
    if code in waiting:
        return "unconfirmed"
    return "yes" if code in reachable else ""


@app.command("show")
def show_institution(code: CodeArgument, as_json: JsonOption = False) -> None:
    """One institution: what the feed says, its endpoint, its last connection test and its last files."""
    from distribution.cli import institution_page
    from distribution.jobs import show_institution, wiring

    line = wiring.open_line()
    document = show_institution.show(line, code)
    emit(document, as_json=as_json, lines=lambda: institution_page.page(document, line.settings.zone))


@app.command("test")
def try_connection(
    code: CodeArgument,
    wait: Annotated[
        float,
        typer.Option("--wait", help="Seconds that a robot has to take the probe under its temporary name."),
    ] = 3.0,
    proposed: Annotated[
        bool,
        typer.Option(
            "--proposed", help="Name, port and host key of the change that waits; without signing in."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Try what a delivery does, step by step, with a probe file; exit 2 for a fault, 75 for a passing one."""
    from distribution.jobs import partners, wiring

    line = wiring.open_line()
    found = (
        partners.look_at_proposed(line, code)
        if proposed
        else partners.try_connection(line, code, wait_seconds=wait)
    )
    document = {"schema_version": 1, **found}
    emit(document, as_json=as_json, lines=lambda: _test_lines(document))
    if not document["passed"]:
        raise typer.Exit(_TEMPORARY if document["is_temporary"] else _FAULT)


def _test_lines(document: Mapping[str, Any]) -> Iterator[str]:
    from distribution.cli import institution_page

    yield from institution_page.steps(document["steps"])
    result = "passed" if document["passed"] else "FAILED"
    yield f"{document['code']}: {result}, {document['seconds']:.1f} s."
    if document["tested"] == "proposed":
        yield f"Nobody signed in. If this is what was agreed: institution confirm {document['code']}"
    elif document["waits"]:
        yield (
            f"This is what is in force. A change waits for a second person: institution test "
            f"{document['code']} --proposed, then institution confirm {document['code']}"
        )


@app.command("send-test")
def send_test(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Send a file of invented people to the institution's test folder, with a count of its own."""
    from distribution.jobs import send_test as job
    from distribution.jobs import wiring

    line = wiring.open_line()
    document = {"schema_version": 1, **job.send_test(line, code, on=line.today())}
    emit(document, as_json=as_json, lines=lambda: [f"{document['records']} records at {document['place']}."])


@app.command("trust-key")
def trust_key(code: CodeArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Put the host key that the institution's host shows now on file, after asking."""
    from distribution.jobs import partners, wiring

    line = wiring.open_line()
    key = partners.offered_key(line, code)
    on_file, offered = key.fingerprints
    say(f"On file: {on_file}")
    say(f"Offered: {offered}")
    if key.is_known:
        document = {"schema_version": 1, "code": code, "changed": 0, "on_file": on_file, "offered": offered}
        emit(document, as_json=as_json, lines=lambda: ["The host shows the key on file: nothing to do."])
        return
    confirm_first("Did the institution say on a known number that the offered key is theirs?", yes=yes)
    changed = partners.trust_key(line, key)
    document = {"schema_version": 1, **changed, "on_file": on_file, "offered": offered}
    emit(document, as_json=as_json, lines=lambda: [f"The new key of {code} is {_standing(document)}."])


def _standing(document: Mapping[str, Any]) -> str:
    waits = f"on file and waits for a second person: institution confirm {document['code']}"
    return waits if document["state"] == "unconfirmed" else "in force"


@app.command("confirm")
def confirm(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Let a changed endpoint take effect, as the second person."""
    from distribution.jobs import partners, wiring

    document = {"schema_version": 1, **partners.confirm(wiring.open_line(), code)}
    emit(document, as_json=as_json, lines=lambda: [f"The endpoint of {code} is in force."])


@app.command("pause")
def pause(
    code: CodeArgument,
    until: Annotated[
        str | None, typer.Option("--until", help="First day on which it is served again, YYYY-MM-DD.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the institution's scores back; they queue, and none is lost."""
    from distribution.jobs import partners, wiring

    document = {"schema_version": 1, **partners.pause(wiring.open_line(), code, until=_day(until))}
    how_long = f"until {until}" if until else f"until `institution resume {code}`"
    emit(document, as_json=as_json, lines=lambda: [f"{code} is paused {how_long}; its scores queue."])


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise UsageError(f"{text!r} is no date. Write it as 2026-11-23.") from exc


@app.command("resume")
def resume(code: CodeArgument, as_json: JsonOption = False) -> None:
    """End a pause, or the fall-back to paper."""
    from distribution.jobs import partners, wiring

    document = {"schema_version": 1, **partners.resume(wiring.open_line(), code)}
    emit(document, as_json=as_json, lines=lambda: _resume_lines(document))


def _resume_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['code']} gets files again from the next run on."
    if document["void"]:
        yield f"  {len(document['void'])} numbers that were given up are sent first, as VOID without records."


@app.command("to-paper")
def to_paper(
    code: CodeArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record; no student's name.")],
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Before the agreed business days are over.")
    ] = False,
    hold_in_doubt: Annotated[
        bool,
        typer.Option("--hold-in-doubt", help="Hold what may stand at the host, for a person's word on it."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Let the institution get paper until it is resumed; what has not arrived goes with the next batch."""
    from distribution.jobs import partners, wiring

    if not reason.strip():
        raise UsageError("--reason must say why.")
    line = wiring.open_line()
    found = partners.to_paper(
        line, code, reason=reason.strip(), on=line.today(), at_once=at_once, hold_in_doubt=hold_in_doubt
    )
    document = {"schema_version": 1, **found}
    emit(document, as_json=as_json, lines=lambda: _paper_lines(document))


def _paper_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['to_paper']} scores of {document['code']} are printed with the next batch."
    for name in document["given_up"]:
        yield f"  {name} is given up; its number is sent as VOID once the institution is resumed."
    for name in document["in_doubt"]:
        yield f"  {name} may stand at the host: `delivery retry` looks once it is back. If it stays away,"
        yield "    ask the institution, `to-paper` again with --hold-in-doubt, then `hold release ID --as …`."
