"""`institution`: recipients and how their scores reach them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document
from distribution.errors import UsageError

if TYPE_CHECKING:
    from distribution.ledger.endpoints import EndpointVersion

app = typer.Typer(help="Recipients and how their scores reach them.", no_args_is_help=True)
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The institution's code, such as 4471.")]
_COLUMNS = ("code", "name", "kind", "method", "status", "successor", "endpoint")
_EMPTY = "No institution on file. Put an institutions feed into the inbox, then `feed ingest`."


@app.command("load-endpoints")
def load_endpoints(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A YAML file, as `institution export` writes it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Record how electronic files reach institutions; what is unchanged stays as it is."""
    from distribution.jobs import load_endpoints as job
    from distribution.jobs import wiring

    changed = job.load_endpoints(wiring.open_line(), file)
    document = {"schema_version": 1, "file": str(file), "changed": changed}
    emit(document, as_json=as_json, lines=lambda: [f"{changed} endpoints are new or changed."])


@app.command("export")
def export_endpoints() -> None:
    """The endpoints as YAML, in the shape that `load-endpoints` takes."""
    from distribution.jobs import load_endpoints as job
    from distribution.jobs import wiring

    typer.echo(job.export_endpoints(wiring.open_line()), nl=False)


@app.command("list")
def list_institutions(as_json: JsonOption = False) -> None:
    """Every institution as it stands today."""
    found = _on_file()
    rows = [list(each.values()) for each in found]
    emit(list_document("institutions", found), as_json=as_json, table=Table(_COLUMNS, rows, empty=_EMPTY))


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
    """One institution: what the feed says, and its endpoint."""
    from distribution.jobs import load_endpoints as job
    from distribution.jobs import wiring
    from distribution.ledger import endpoints, institutions

    line = wiring.open_line()
    with line.connect() as conn:
        frame = institutions.in_force(conn, line.today())
        versions = endpoints.history(conn, code)
        waits = code in endpoints.unconfirmed(conn)
        in_force = endpoints.in_force(conn).get(code)
    rows = frame[frame["code"] == code].to_dict("records")
    if not rows and not versions:
        raise UsageError(f"There is no institution {code}. `institution list` names those on file.")
    document: dict[str, Any] = {
        "schema_version": 1,
        "code": code,
        **({str(key): value for key, value in rows[0].items()} if rows else {}),
        "endpoint": job.as_written(in_force) if in_force else None,
        "endpoint_state": "unconfirmed" if waits else "in force" if in_force else "none",
    }
    emit(document, as_json=as_json, lines=lambda: _show_lines(document))


def _show_lines(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if key not in ("schema_version", "endpoint") and value not in ("", None):
            yield f"{key.replace('_', ' ')}: {value}"
    for key, value in (document["endpoint"] or {}).items():
        yield f"  {key}: {'' if value is None else value}"


@app.command("history")
def history(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Every version of an institution's endpoint: what changed, by whom, when."""
    from distribution.jobs import wiring
    from distribution.ledger import endpoints

    with wiring.open_line().connect() as conn:
        versions = endpoints.history(conn, code)
    if not versions:
        raise UsageError(
            f"No endpoint of {code} was ever loaded. `institution load-endpoints FILE` loads one."
        )
    found = [_version(each, before) for each, before in zip(versions, [*versions[1:], None], strict=True)]
    rows = [
        (each["loaded_at"], each["loaded_by"], each["confirmed_at"] or "waits", ", ".join(each["changed"]))
        for each in found
    ]
    columns = ("loaded at", "by", "confirmed at", "changed")
    emit(list_document("versions", found), as_json=as_json, table=Table(columns, rows, empty=""))


def _version(version: "EndpointVersion", before: "EndpointVersion | None") -> dict[str, Any]:
    from dataclasses import asdict

    now = asdict(version.endpoint)
    then = asdict(before.endpoint) if before else {}
    return {
        "code": version.endpoint.code,
        "loaded_at": _written(version.loaded_at),
        "loaded_by": version.loaded_by,
        "confirmed_at": _written(version.confirmed_at),
        "confirmed_by": version.confirmed_by,
        "changed": [key for key in now if now[key] != then.get(key)] if before else ["new"],
        "endpoint": now,
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
