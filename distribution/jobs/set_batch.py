"""A batch, or some of its pieces, set from the ledger alone: the same bytes whenever it is asked for."""

from datetime import UTC, date, datetime

from distribution import filenames
from distribution.business_days import next_business_day
from distribution.channels.paper import content, cover_sheet, geometry, print_batch
from distribution.errors import OutOfBalance, PermanentError
from distribution.jobs import paper_settings
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries
from distribution.ledger.batches import Batch, PieceRow


def set_pieces(line: Line, batch: Batch, rows: list[PieceRow]) -> print_batch.Printed:
    """Set pieces of a batch from the ledger alone: all of them, or those that are printed again.

    Raises OutOfBalance when not every placed report stands on them, PermanentError for a piece whose reports
    went out again in another batch, UsageError for a return address that cannot be printed.
    """
    with line.connect() as conn:
        placed = deliveries.contents(conn, batch_id=batch.batch_id)
    placed = placed[placed["piece"].isin([str(row.piece) for row in rows])]
    students = content.students_of(placed, by="piece")
    gone = [f"{row.piece:04d}" for row in rows if str(row.piece) not in students]
    if gone:
        raise PermanentError(
            f"{batch.batch_id} cannot be set any more: {', '.join(gone)} came back and went out again in "
            "another batch. Restore the file from a backup."
        )
    pieces = [
        content.Piece(row.di, row.address, students[str(row.piece)], row.piece, row.generation, row.imb)
        for row in rows
    ]
    printed = print_batch.print_batch(
        _ticket_of(batch),
        pieces,
        return_address=paper_settings.return_address(line.settings),
        omr=batch.stock in line.settings.omr_stocks.replace(" ", "").split(","),
    )
    reports = sum(row.reports for row in rows)
    pages = sum(row.sheets for row in rows) * geometry.PAGES_PER_SHEET
    if (printed.lines_set, printed.pages) != (reports, pages):
        raise OutOfBalance(
            f"{batch.batch_id} should hold {reports} reports on {pages} pages, "
            f"but {printed.lines_set} on {printed.pages} were set. Do not print it; tell the developers."
        )
    return printed


def cover_of(line: Line, batch: Batch, rows: list[PieceRow], *, pdf_sha256: str) -> bytes:
    """The cover sheet of a batch; no student's record is read."""
    counts = cover_sheet.Counts(
        pieces=batch.pieces,
        sheets=batch.sheets,
        pages=batch.pages,
        first_postal_code=rows[0].address.postal_code,
        last_postal_code=rows[-1].address.postal_code,
    )
    told = cover_sheet.Instructions(
        file_name=filenames.batch_pdf(batch.batch_id),
        pdf_sha256=pdf_sha256,
        mail_by=(batch.mail_by or mail_by(line, batch.business_date)).astimezone(line.settings.zone),
        created=f"{batch.created_at.astimezone(line.settings.zone):%a %d %b %Y %H:%M %Z}",
        operations=line.settings.operations_email,
    )
    return cover_sheet.cover_sheet(_ticket_of(batch), counts, told)


def mail_by(line: Line, on: date) -> datetime:
    """When the carrier collects on the mailroom's first day after the night."""
    day = next_business_day(on, closed=line.settings.mailroom_closed)
    collected = datetime.combine(day, line.settings.mailroom_cutoff, tzinfo=line.settings.zone)
    return collected.astimezone(UTC)


def _ticket_of(batch: Batch) -> print_batch.Ticket:
    return print_batch.Ticket(
        batch_id=batch.batch_id,
        run_id=batch.run_id or "",
        business_date=batch.business_date,
        created_at=batch.created_at,
        stock=geometry.STOCKS[geometry.StockName(batch.stock)],
        sheets_per_piece=batch.sheets_per_piece,
        international=batch.international,
        position=batch.position,
        of=batch.planned_together,
    )
