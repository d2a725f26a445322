"""`demo`: an invented programme to try the line on."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from distribution.cli.output import JsonOption, Table, emit

app = typer.Typer(help="Invented feeds, hosts and mailboxes.", no_args_is_help=True)

MOST_ROWS = 5_000_000
LARGEST_SEED = 2_000_000_000


@app.command("feed")
def write_feed(
    rows: Annotated[int, typer.Option(help="Rows of the results feed.", min=1, max=MOST_ROWS)],
    seed: Annotated[int, typer.Option(help="The same seed gives the same feeds.", min=0, max=LARGEST_SEED)],
    institutions: Annotated[
        Path | None, typer.Option(help="A directory file of real institutions instead of the invented ones.")
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the feeds; default: today.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the inbox.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the five feeds of a day, and the endpoints of all electronic institutions."""
    from distribution.demo import feed_command

    written = feed_command.write(
        rows=rows, seed=seed, institutions=institutions, day=date.date() if date else None, out=out
    )
    document = {
        "schema_version": 1,
        "date": written.day,
        "feeds": [str(path) for path in written.paths],
        "endpoints": str(written.endpoints_file),
        "organizations": written.organizations,
        "electronic": written.electronic,
        "rows": rows,
        "wrong_on_purpose": len(written.planted),
        "corrected_earlier": len(written.corrected_earlier),
    }
    emit(document, as_json=as_json, lines=lambda: feed_command.described(written, rows=rows))


@app.command("up")
def start_partners(as_json: JsonOption = False) -> None:
    """Start the demo's SFTP hosts and its mailbox in the background."""
    from distribution import settings
    from distribution.demo import hosts

    there = hosts.up(settings.load())
    document = {
        "schema_version": 1,
        "started": there.started,
        "ports": list(there.ports),
        "smtp_port": there.smtp_port,
        "drops": str(there.drops),
        "mailbox": str(there.mailbox),
        "environment": there.environment,
    }
    emit(document, as_json=as_json, lines=lambda: hosts.described(there))


@app.command("down")
def stop_partners(as_json: JsonOption = False) -> None:
    """Stop what `demo up` started."""
    from distribution import settings
    from distribution.demo import hosts

    stopped = hosts.down(settings.load())
    emit(
        {"schema_version": 1, "stopped": stopped},
        as_json=as_json,
        lines=lambda: [
            f"Stopped {stopped} demo partners." if stopped else "No demo partners are up: nothing to stop."
        ],
    )


@app.command("accounts")
def list_accounts(as_json: JsonOption = False) -> None:
    """Who may sign in to the demo's portal: an account for each coordinator and alternate on file."""
    from distribution.demo import accounts
    from distribution.jobs import wiring

    found = accounts.accounts(wiring.open_line())
    table = Table(
        columns=("email", "password", "role", "organization"),
        rows=[(each.email, each.password, each.role, each.organization) for each in found],
        empty="",
    )
    emit(accounts.document(found), as_json=as_json, table=table)
