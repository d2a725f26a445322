"""`delivery`: what is owed to whom, where it stands, and sending it again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from distribution.cli.output import (
    JsonOption,
    Table,
    YesOption,
    confirm,
    emit,
    folded,
    list_document,
    table_lines,
)
from distribution.errors import UsageError
from distribution.model import DeliveryState

app = typer.Typer(help="What is owed to whom, and where it stands.", no_args_is_help=True)
_UNSENT = 3
_COLUMNS = ("recipient", "channel", "state", "reason", "file or batch", "deliveries", "since")


@app.command("list")
def list_deliveries(
    state: Annotated[str | None, typer.Option("--state", help=f"One of {', '.join(DeliveryState)}.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Deliveries; a person sees them counted by institution, --json has each of them."""
    from distribution.jobs import wiring
    from distribution.ledger import delivery_list

    if state is not None and state not in tuple(DeliveryState):
        raise UsageError(f"There is no delivery state {state!r}; there are {', '.join(DeliveryState)}.")
    with wiring.open_line().connect() as conn:
        if as_json:
            emit(list_document("deliveries", delivery_list.deliveries(conn, state=state)), as_json=True)
            return
        rows = [tuple(row.values()) for row in delivery_list.by_recipient(conn, state=state)]
        failures = delivery_list.failures(conn, state=state)
    empty = f"No delivery is {state}." if state else "No delivery yet. `run nightly` makes them."
    table = Table(_COLUMNS, rows, empty=empty)
    emit({}, as_json=False, lines=lambda: [*table_lines(table), *_why_lines(failures)])


def _why_lines(failures: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, detail in failures:
        yield ""
        yield name
        yield from folded(detail, first="  ", indent=2)


@app.command()
def retry(
    failed: Annotated[bool, typer.Option("--failed", help="All failed files; this is the default.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Send failed files again now, also those that wait for a change of their institution."""
    from distribution.jobs import send_files, wiring

    line = wiring.open_line()
    sent = send_files.retry(line, on=line.today())
    document = {
        "schema_version": 1,
        "delivered": sent.delivered,
        "failed": sent.failed,
        "files": list(sent.files),
        "unsent": list(sent.unsent),
        "kept_back": [{"file": each.file, "why": each.why} for each in sent.kept_back],
    }
    emit(document, as_json=as_json, lines=lambda: _retry_lines(document))
    if sent.unsent:
        raise typer.Exit(_UNSENT)


def _retry_lines(document: Mapping[str, Any]) -> Iterator[str]:
    if not document["files"] and not document["unsent"] and not document["kept_back"]:
        yield "No file has failed: there is nothing to retry."
        return
    yield f"{document['delivered']} deliveries arrived in {len(document['files'])} files."
    for name in document["unsent"]:
        yield f"  {name} did not arrive; `delivery list --state failed` says why."
    for kept in document["kept_back"]:
        yield f"  {kept['file']} was not tried: {kept['why']}."


@app.command()
def resend(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The file, such as CLEP_4471_20261123_000231.txt.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record; no student's name.")],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Send the records of a delivered file again, under the institution's next number."""
    from distribution.jobs import redeliver, wiring

    if not reason.strip():
        raise UsageError("--reason must say why.")
    line = wiring.open_line()
    against = redeliver.outside_policy(line, name, on=line.today())
    question = f"Send all records of {name} to the institution again?"
    confirm(f"The policy says no: {against}. {question}" if against else question, yes=yes)
    document = {
        "schema_version": 1,
        **redeliver.redeliver(line, what="file", name=name, reason=reason.strip(), on=line.today()),
    }
    emit(document, as_json=as_json, lines=lambda: _resend_lines(document))
    if document["unsent"]:
        raise typer.Exit(_UNSENT)


def _resend_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['name']} carries the {document['records']} records of {document['original']} again:"
    if document["left_out"]:
        yield f"  {document['left_out']} left out: cancelled, withheld or taken back by now."
    yield f"  {_standing(document)}."


def _standing(document: Mapping[str, Any]) -> str:
    why = document["waits_for"]
    return f"{document['state']}; it waits: {why}" if why else str(document["state"])


@app.command()
def full(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The institution's code, such as 4471.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record; no student's name.")],
    as_json: JsonOption = False,
) -> None:
    """Send an institution everything that it got so far and that may still be reported, in one file."""
    from distribution.jobs import redeliver, wiring

    if not reason.strip():
        raise UsageError("--reason must say why.")
    line = wiring.open_line()
    document = {
        "schema_version": 1,
        "code": code,
        **redeliver.full_history(line, code, reason=reason.strip(), on=line.today()),
    }
    emit(document, as_json=as_json, lines=lambda: _full_lines(document))
    if document["unsent"]:
        raise typer.Exit(_UNSENT)


def _full_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['name']} carries {document['records']} records, the full history of {document['code']}:"
    yield f"  {_standing(document)}."


@app.command()
def acknowledge(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A file that arrived.")],
    as_json: JsonOption = False,
) -> None:
    """Note that the institution said it has taken the file in; settles what it dropped back of it."""
    from distribution.jobs import read_acknowledgements, wiring

    moved = read_acknowledgements.acknowledge(wiring.open_line(), name)
    document = {"schema_version": 1, "name": name, "state": "acknowledged", "acknowledged": moved}
    emit(document, as_json=as_json, lines=lambda: [f"{name} is acknowledged, {moved} records."])


@app.command()
def settle(
    number: Annotated[
        int,
        typer.Argument(metavar="NUMBER", help="The acknowledgement, as `reconcile` and the report name it."),
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="What came of it, for the record; no student's name.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Settle an acknowledgement that differs, names an unknown file or cannot be read; no file changes."""
    from distribution.jobs import read_acknowledgements, wiring

    if not reason.strip():
        raise UsageError("--reason must say what came of it.")
    name = read_acknowledgements.settle(wiring.open_line(), number, reason=reason.strip())
    document = {"schema_version": 1, "number": number, "name": name, "state": "settled"}
    emit(document, as_json=as_json, lines=lambda: [f"Acknowledgement {number} ({name}) is settled."])
