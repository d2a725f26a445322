"""`db`: the ledger's database, its schema, what must hold in it, and its copies."""

from pathlib import Path
from typing import Annotated

import typer

from distribution.cli.output import JsonOption, Table, YesOption, confirm, emit, say

app = typer.Typer(help="The ledger's database.", no_args_is_help=True)

LEDGER_CONTRADICTS_ITSELF = 1


@app.command("upgrade")
def upgrade_schema(as_json: JsonOption = False) -> None:
    """Make the database where there is none, and bring it to the newest schema."""
    from distribution.jobs import wiring
    from distribution.ledger import upgrade

    line = wiring.open_line()
    schema = upgrade.revision(line.url)
    document = {"schema_version": 1, "schema": schema, "current": upgrade.is_current(line.url)}
    emit(document, as_json=as_json, lines=lambda: [f"The ledger's schema is {schema}, the newest."])


@app.command("check")
def check(as_json: JsonOption = False) -> None:
    """Show version and roles, and count what contradicts itself in the ledger (exit 1 when anything does)."""
    from distribution.jobs import wiring
    from distribution.ledger import invariants, upgrade

    line = wiring.open_line()
    with line.connect() as conn:
        findings = invariants.findings(conn)
        server = conn.info.parameter_status("server_version")
    rows = [(found.invariant.name, found.broken, found.invariant.sentence) for found in findings]
    document = {
        "schema_version": 1,
        "server": server,
        "schema": upgrade.revision(line.url),
        "roles": list(upgrade.ROLES),
        "holds": not any(found.broken for found in findings),
        "invariants": [
            {"name": name, "broken": broken, "sentence": sentence} for name, broken, sentence in rows
        ],
    }
    emit(
        document,
        as_json=as_json,
        lines=lambda: [f"PostgreSQL {server}, schema {document['schema']}", ""],
        table=Table(["invariant", "broken", "what must hold"], rows, empty=""),
    )
    if not document["holds"]:
        raise typer.Exit(LEDGER_CONTRADICTS_ITSELF)


@app.command("backup")
def back_up(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write the whole ledger into one file; the line may go on meanwhile."""
    from distribution.jobs import wiring
    from distribution.ledger import backup

    size_bytes = backup.dump(wiring.open_line().url, file)
    document = {"schema_version": 1, "file": file, "size_bytes": size_bytes}
    emit(
        document,
        as_json=as_json,
        lines=lambda: [f"{file}: {size_bytes:,} bytes. It holds students' records."],
    )


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.", exists=True)],
    yes: YesOption = False,
) -> None:
    """Put a backup in the place of the ledger; what was recorded since is lost."""
    from distribution.jobs import wiring
    from distribution.ledger import backup

    confirm(f"Replace the ledger by {file.name}? What was recorded since that backup is lost.", yes=yes)
    line = wiring.open_line()
    backup.restore(line.url, file)
    say("The ledger is restored. Run `reconcile` before the next night.")
