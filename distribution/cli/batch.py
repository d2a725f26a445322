"""`batch`: print batches for the mailroom."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document

if TYPE_CHECKING:
    from distribution.jobs.wiring import Line
    from distribution.ledger.batches import Batch, PieceRow

app = typer.Typer(help="Print batches for the mailroom.", no_args_is_help=True)

BatchArgument = Annotated[str, typer.Argument(metavar="B", help="Batch id, such as PB-20261123-A.")]
_COLUMNS = ("batch", "state", "stock", "pieces", "sheets per piece", "sheets", "pages", "written")
_EMPTY = "No batch yet. `run nightly` makes them from pending paper deliveries."


@app.command("list")
def list_batches(as_json: JsonOption = False) -> None:
    """Every batch, the newest day last."""
    from distribution.jobs import wiring
    from distribution.ledger import batches

    line = wiring.open_line()
    with line.connect() as conn:
        found = batches.listing(conn)
    rows = (
        (
            batch.batch_id,
            batch.state,
            batch.stock,
            batch.pieces,
            batch.sheets_per_piece,
            batch.sheets,
            batch.pages,
            "yes" if batch.proved_at else "no",
        )
        for batch in found
    )
    document = list_document("batches", [_document_of(line, batch) for batch in found])
    emit(document, as_json=as_json, table=Table(_COLUMNS, rows, empty=_EMPTY))


@app.command("show")
def show_batch(batch_id: BatchArgument, as_json: JsonOption = False) -> None:
    """A batch and its pieces: counts and institution codes, no student's record."""
    from distribution.jobs import wiring
    from distribution.ledger import batches

    line = wiring.open_line()
    with line.connect() as conn:
        batch = batches.read(conn, batch_id)
        pieces = batches.pieces_of(conn, batch_id)
    head = _document_of(line, batch)
    columns = ("piece", "recipient", "state", "sheets", "first page", "last page", "reports")
    rows = [(each["id"], *list(each.values())[1:]) for each in map(_piece_document, pieces)]
    emit(
        {"schema_version": 1, **head, "piece_list": [_piece_document(piece) for piece in pieces]},
        as_json=as_json,
        lines=lambda: [*(f"{name:<18} {_shown(value)}" for name, value in head.items()), ""],
        table=Table(columns, rows, empty="No piece in this batch."),
    )


@app.command("cover")
def write_cover(batch_id: BatchArgument, as_json: JsonOption = False) -> None:
    """Write the batch's cover sheet again and say where it stands."""
    from distribution.jobs import print_batches, wiring

    path = print_batches.write_cover(wiring.open_line(), batch_id)
    emit({"schema_version": 1, "id": batch_id, "cover": path}, as_json=as_json, lines=lambda: [str(path)])


def _document_of(line: "Line", batch: "Batch") -> dict[str, Any]:
    from distribution import filenames

    folder: Path = line.settings.paper_outbox
    return {
        "id": batch.batch_id,
        "state": batch.state,
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
        "sheets": piece.sheets,
        "first_page": piece.first_page,
        "last_page": piece.last_page,
        "reports": piece.reports,
    }


def _shown(value: object) -> str:
    return "" if value is None else str(value)
