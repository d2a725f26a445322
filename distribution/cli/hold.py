"""`hold`: rows and deliveries that wait for a person."""

from typing import Annotated

import typer

from distribution.cli.output import JsonOption, Table, YesOption, confirm, emit, list_document
from distribution.model import HoldState

app = typer.Typer(help="Rows and deliveries that wait for a person.", no_args_is_help=True)

HoldId = Annotated[int, typer.Argument(metavar="ID", help="The hold's id, as `hold list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the records.")]


@app.command("list")
def list_command(
    state: Annotated[HoldState | None, typer.Option("--state", help="Only holds in this state.")] = None,
    json: JsonOption = False,
) -> None:
    """List holds: where each stands, why, and what to do."""
    from dataclasses import asdict

    from distribution.jobs import settle_holds, wiring

    with wiring.line_of() as line:
        held = settle_holds.list_holds(line, state=state)
    shown = held if json or state else [hold for hold in held if hold.state is HoldState.OPEN]
    emit(
        list_document("holds", [asdict(hold) for hold in held]),
        as_json=json,
        table=Table(
            ["id", "kind", "feed", "line", "reason", "column", "state", "since", "what to do"],
            [
                [str(hold.id), hold.kind, hold.feed_file or "", hold.line or "", hold.reason,
                 hold.column or "", hold.state, hold.since.date().isoformat(), hold.what_to_do]
                for hold in shown
            ],
            empty="Nothing is held.",
        ),
    )  # fmt: skip


@app.command()
def release(
    hold_id: HoldId,
    reason: Reason,
    as_: Annotated[
        str | None, typer.Option("--as", help="Of an ambiguous delivery: arrived or again.")
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Let what was held go on (retake-too-soon, volume-anomaly, ambiguous-delivery)."""
    from distribution.errors import UsageError
    from distribution.jobs import settle_holds, wiring

    if as_ is not None and as_ not in tuple(settle_holds.Fate):
        raise UsageError("--as is arrived (the file is there) or again (it is not: send it again).")
    with wiring.line_of() as line:
        hold = settle_holds.find_open(line, hold_id)
        if as_ is None:
            settle_holds.refuse_unless_releasable(hold)
            confirm(f"Release hold {hold_id} ({hold.reason})?", yes=yes)
            _show(settle_holds.release(line, hold_id, reason=reason), as_json=json)
            return
        confirm(f"Release the whole file of hold {hold_id} as {as_}?", yes=yes)
        fate = settle_holds.Fate(as_)
        _show(settle_holds.settle_ambiguous(line, hold_id, as_=fate, reason=reason), as_json=json)


@app.command()
def reject(hold_id: HoldId, reason: Reason, yes: YesOption = False, json: JsonOption = False) -> None:
    """Give up what was held: a row is never recorded, a delivery never sent."""
    from distribution.jobs import settle_holds, wiring

    with wiring.line_of() as line:
        hold = settle_holds.find_open(line, hold_id)
        confirm(f"Reject hold {hold_id} ({hold.reason})? It is final.", yes=yes)
        _show(settle_holds.reject(line, hold_id, reason=reason), as_json=json)


def _show(hold: object, *, as_json: bool) -> None:
    from dataclasses import asdict

    document = {"schema_version": 1, **asdict(hold)}  # type: ignore[call-overload]
    emit(document, as_json=as_json, lines=lambda: [f"Hold {document['id']} is {document['state']}."])
