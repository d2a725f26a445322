"""`batch`: print batches for the mailroom."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli import batch_steps
from distribution.cli.batch_steps import BatchArgument
from distribution.cli.output import JsonOption, Table, emit, list_document

if TYPE_CHECKING:
    from distribution.jobs.wiring import Line
    from distribution.ledger.batch_life import BatchEvent, Reprint
    from distribution.ledger.batches import Batch, PieceRow

app = typer.Typer(help="Print batches for the mailroom.", no_args_is_help=True)
batch_steps.add_to(app)

_COLUMNS = ("batch", "state", "stock", "pieces", "sheets per piece", "sheets", "mail by", "next")
_EMPTY = "No batch yet. `run nightly` makes them from pending paper deliveries."


@app.command("list")
def list_batches(as_json: JsonOption = False) -> None:
    """Every batch, the newest day last."""
    from distribution.jobs import batch_life, wiring
    from distribution.ledger import batches

    line = wiring.open_line()
    with line.connect() as conn:
        found = batches.listing(conn)
        due = {batch.batch_id: batch_life.next_step(conn, batch) for batch in found}
    rows = (
        (
            batch.batch_id,
            batch.state,
            batch.stock,
            batch.pieces,
            batch.sheets_per_piece,
            batch.sheets,
            _local(line, batch.mail_by),
            due[batch.batch_id],
        )
        for batch in found
    )
    document = list_document("batches", [_document_of(line, batch, due[batch.batch_id]) for batch in found])
    emit(document, as_json=as_json, table=Table(_COLUMNS, rows, empty=_EMPTY))


@app.command("show")
def show_batch(batch_id: BatchArgument, as_json: JsonOption = False) -> None:
    """A batch and its pieces: counts and institution codes, no student's record."""
    from distribution.jobs import batch_life, wiring
    from distribution.ledger import batch_life as kept
    from distribution.ledger import batches

    line = wiring.open_line()
    with line.connect() as conn:
        batch = batches.read(conn, batch_id)
        pieces = batches.pieces_of(conn, batch_id)
        head = _document_of(line, batch, batch_life.next_step(conn, batch))
        reprints, events = kept.reprints(conn, batch_id), kept.events(conn, batch_id)
    document = {
        "schema_version": 1,
        **head,
        "reprints": [_reprint_document(each) for each in reprints],
        "history": [_event_document(each) for each in events],
        "piece_list": [_piece_document(piece) for piece in pieces],
    }
    columns = ("piece", "recipient", "state", "mark", "sheets", "first page", "last page", "reports")
    rows = [tuple(each.values()) for each in document["piece_list"]]
    emit(
        document,
        as_json=as_json,
        lines=lambda: [
            *(f"{name:<18} {_shown(line, value)}" for name, value in head.items()),
            *_history(line, events),
            "",
        ],
        table=Table(columns, rows, empty="No piece in this batch."),
    )


@app.command("cover")
def write_cover(batch_id: BatchArgument, as_json: JsonOption = False) -> None:
    """Write the batch's cover sheet again and say where it stands."""
    from distribution.jobs import print_batches, wiring

    path = print_batches.write_cover(wiring.open_line(), batch_id)
    emit({"schema_version": 1, "id": batch_id, "cover": path}, as_json=as_json, lines=lambda: [str(path)])


@app.command("proof")
def write_proof(
    out: Annotated[Path | None, typer.Option(help="Folder to write to; `proof/` in the home.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Folder of an earlier proof: shows what looks different now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the edge cases and a calibration page per envelope, for eyes and rulers."""
    from distribution import settings
    from distribution.jobs import paper_settings, proof_pieces

    stated = settings.load()
    return_address = paper_settings.return_address(stated)
    folder = out or stated.home / "proof"
    rows: list[dict[str, Any]] = []
    for case in proof_pieces.write_proof(folder, against=against, return_address=return_address):
        rows.append(
            {
                "name": case.name,
                "stock": case.stock,
                "pieces": case.pieces,
                "pages": case.pages,
                "clear_mm": round(case.clear.least, 2),
                "clear": case.is_clear,
                "pdf": case.pdf,
                "differing": list(case.differing),
            }
        )
    table = Table(
        ("case", "stock", "envelopes", "pages", "clear (mm)", "1/8 in clear", "differs"),
        (
            (row["name"], row["stock"], row["pieces"], row["pages"], f"{row['clear_mm']:.2f}",
             "yes" if row["clear"] else "NO", len(row["differing"]))
            for row in rows
        ),
        empty="No case.",
    )  # fmt: skip
    emit(list_document("cases", rows), as_json=as_json, lines=lambda: [f"{folder}", ""], table=table)


def _document_of(line: "Line", batch: "Batch", due: str) -> dict[str, Any]:
    from distribution import filenames

    folder: Path = line.settings.paper_outbox
    return {
        "id": batch.batch_id,
        "state": batch.state,
        "next": due,
        "date": batch.business_date,
        "run": batch.run_id,
        "stock": batch.stock,
        "international": batch.international,
        "pieces": batch.pieces,
        "sheets_per_piece": batch.sheets_per_piece,
        "sheets": batch.sheets,
        "pages": batch.pages,
        "created_at": batch.created_at,
        "written_at": batch.proved_at,
        "mail_by": batch.mail_by,
        "printed_at": batch.printed_at,
        "inserted_at": batch.inserted_at,
        "mailed_at": batch.mailed_at,
        "reports": batch.reports,
        "spoiled": batch.spoiled,
        "returned": batch.returned,
        "pdf": folder / filenames.batch_pdf(batch.batch_id),
        "cover": folder / filenames.batch_cover(batch.batch_id),
        "manifest": folder / filenames.batch_manifest(batch.batch_id),
        "pdf_sha256": batch.pdf_sha256,
    }


def _piece_document(piece: "PieceRow") -> dict[str, Any]:
    return {
        "id": f"{piece.piece:04d}",
        "recipient": piece.di,
        "state": piece.state,
        "mark": f"R{piece.generation}" if piece.generation else "",
        "sheets": piece.sheets,
        "first_page": piece.first_page,
        "last_page": piece.last_page,
        "reports": piece.reports,
    }


def _reprint_document(reprint: "Reprint") -> dict[str, Any]:
    return {
        "name": reprint.name,
        "pieces": [f"{piece:04d}" for piece in reprint.pieces],
        "marks": [f"R{generation}" for generation in reprint.generations],
        "reason": reprint.reason,
        "by": reprint.actor,
        "planned_at": reprint.planned_at,
        "written_at": reprint.proved_at,
        "pdf_sha256": reprint.pdf_sha256,
    }


def _event_document(event: "BatchEvent") -> dict[str, Any]:
    return {
        "event": event.event,
        "pieces": [f"{piece:04d}" for piece in event.pieces],
        "reason": event.reason,
        "by": event.actor,
        "at": event.happened_at,
    }


def _history(line: "Line", events: "list[BatchEvent]") -> Iterator[str]:
    from distribution.jobs.piece_names import listed

    for event in events:
        which = f" {listed(event.pieces)}" if event.pieces else ""
        why = f": {event.reason}" if event.reason else ""
        yield f"{_local(line, event.happened_at):<18} {event.event}{which} by {event.actor}{why}"


def _local(line: "Line", at: datetime | None) -> str:
    return f"{at.astimezone(line.settings.zone):%Y-%m-%d %H:%M}" if at else ""


def _shown(line: "Line", value: object) -> str:
    """As people read it: times in the line's zone, as in the history below."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _local(line, value)
    return "" if value is None else str(value)
