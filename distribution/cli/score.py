"""`score trace`: where a score is, from the feed's line to the receipt; no name and no score is shown."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from distribution.cli.output import JsonOption, emit
from distribution.errors import UsageError

app = typer.Typer(help="The way of one result.", no_args_is_help=True)


@app.callback()
def _score() -> None:
    """The way of one result."""


@app.command()
def trace(
    result_id: Annotated[str, typer.Argument(metavar="RESULT_ID", help="The result_id of the feed.")],
    as_json: JsonOption = False,
) -> None:
    """Feed and line, why it was owed to whom, file, batch and piece or school, receipts."""
    from distribution.jobs import wiring
    from distribution.ledger import score_trace

    with wiring.open_line().connect() as conn:
        document = {
            "schema_version": 1,
            "result": result_id,
            "revisions": score_trace.revisions(conn, result_id),
            "held_rows": score_trace.held_rows(conn, result_id),
            "deliveries": score_trace.deliveries(conn, result_id),
            "staged": score_trace.stagings(conn, result_id),
            "receipts": score_trace.receipts(conn, result_id),
        }
        if not document["revisions"] and not document["held_rows"]:
            raise UsageError(f"No result {result_id} is on file, and no row of it is held. Check the id.")
        score_trace.note_access(conn, result_id, actor=wiring.actor(), command="score trace")
    emit(document, as_json=as_json, lines=lambda: _lines(document))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Result {document['result']}"
    for held in document["held_rows"]:
        column = f", column {held['column']}" if held["column"] else ""
        yield f"  Row held: {held['feed']} line {held['line']}, {held['reason']}{column}, {held['state']}"
    for revision in document["revisions"]:
        yield ""
        yield (
            f"  Revision {revision['revision']} ({revision['kind']}, {revision['status']}"
            f"{', withdrawn with its feed' if revision['withdrawn'] else ''}): {revision['feed']}"
            f" line {revision['line']}, recorded {_at(revision['recorded_at'])}"
        )
        owed = [each for each in document["deliveries"] if each["revision"] == revision["revision"]]
        if not owed:
            yield "    Owed to nobody: it stays on file."
        for delivery in owed:
            yield from _delivery_lines(delivery, document)


def _delivery_lines(delivery: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    successor = (
        f" (chosen: {delivery['designated']})" if delivery["designated"] != delivery["recipient"] else ""
    )
    yield (
        f"    {delivery['action']} to {delivery['recipient']}{successor} because of"
        f" {', '.join(delivery['reasons'])}, occasion {delivery['occasion']}, owed on {delivery['owed_on']}"
    )
    reason = f" ({delivery['reason']})" if delivery["reason"] else ""
    yield f"      {delivery['channel'] or 'no channel'}: {delivery['state']}{reason}{_place(delivery)}"
    for staged in document["staged"]:
        if staged["delivery"] == delivery["id"]:
            shown = "shown" if staged["shown"] else "replaced by a later revision"
            yield f"      staged for {staged['school']} at {_at(staged['staged_at'])}, {shown}"
    for receipt in document["receipts"]:
        if receipt["subject"] in (delivery["file"], delivery["batch"]):
            yield (
                f"      receipt: {receipt['subject']} {receipt['event']} {_at(receipt['received_at'])},"
                f" {receipt['records']:,} records, sha256 {receipt['sha256'][:12]}…"
            )


def _place(delivery: Mapping[str, Any]) -> str:
    if delivery["file"]:
        return f", file {delivery['file']}"
    return f", batch {delivery['batch']} piece {delivery['piece']:04d}" if delivery["batch"] else ""


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
