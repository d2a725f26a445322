"""`institution load-endpoints`, `export`, `history`: endpoints on their way in, out, and through time."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document
from distribution.errors import UsageError

if TYPE_CHECKING:
    from distribution.ledger.endpoints import EndpointVersion

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The institution's code, such as 4471.")]


def add_to(app: typer.Typer) -> None:
    """Give the noun `institution` these verbs."""
    app.command("load-endpoints")(load_endpoints)
    app.command("export")(export_endpoints)
    app.command("history")(history)


def load_endpoints(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A YAML file, as `institution export` writes it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Record how electronic files reach institutions; what is unchanged stays as it is."""
    from distribution.jobs import load_endpoints as job
    from distribution.jobs import wiring

    loaded = job.load(wiring.open_line(), file)
    document = {
        "schema_version": 1,
        "file": str(file),
        "changed": loaded.changed,
        "still_paused": list(loaded.still_paused),
        "resumed": list(loaded.resumed),
    }
    emit(document, as_json=as_json, lines=lambda: _loaded_lines(document))


def _loaded_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['changed']} endpoints are new or changed."
    for code in document["still_paused"]:
        yield f"  {code} stays paused: `institution resume {code}`, or `paused_until: null`, ends it."
    for code in document["resumed"]:
        yield f"  {code} is no longer paused: its endpoint says so."


def export_endpoints() -> None:
    """The endpoints as YAML, in the shape that `load-endpoints` takes."""
    from distribution.jobs import load_endpoints as job
    from distribution.jobs import wiring

    typer.echo(job.export_endpoints(wiring.open_line()), nl=False)


def history(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Every version of an institution's endpoint: what changed, by whom, when."""
    from distribution.cli.institution_page import written
    from distribution.jobs import wiring
    from distribution.ledger import endpoints

    line = wiring.open_line()
    with line.connect() as conn:
        versions = endpoints.history(conn, code)
    if not versions:
        raise UsageError(
            f"No endpoint of {code} was ever loaded. `institution load-endpoints FILE` loads one."
        )
    found = [_version(each, before) for each, before in zip(versions, [*versions[1:], None], strict=True)]
    rows = [
        (
            written(version.loaded_at, line.settings.zone),
            version.loaded_by,
            written(version.confirmed_at, line.settings.zone) if version.confirmed_at else "waits",
            ", ".join(each["changed"]),
        )
        for version, each in zip(versions, found, strict=True)
    ]
    columns = ("loaded at", "by", "confirmed at", "changed")
    emit(list_document("versions", found), as_json=as_json, table=Table(columns, rows, empty=""))


def _version(version: "EndpointVersion", before: "EndpointVersion | None") -> dict[str, Any]:
    from dataclasses import asdict

    from distribution.jobs.show_institution import changed_keys

    return {
        "code": version.endpoint.code,
        "loaded_at": _written(version.loaded_at),
        "loaded_by": version.loaded_by,
        "confirmed_at": _written(version.confirmed_at),
        "confirmed_by": version.confirmed_by,
        "changed": changed_keys(version, before),
        "endpoint": asdict(version.endpoint),
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
