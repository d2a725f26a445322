"""Paper: pending deliveries become pieces, pieces become batches, batches become files for the mailroom.

Claim, act, prove: the plan is recorded first, in one transaction; every file is then written from the ledger
alone, so a run that was killed in between writes the same bytes; what stands in the outbox is proved last.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import psycopg

from distribution import filenames
from distribution.channels.paper import addresses, content, geometry, layout, outbox, preflight
from distribution.errors import PermanentError
from distribution.jobs import mail_codes, paper_settings, set_batch, write_batches
from distribution.jobs.wiring import Line, actor
from distribution.jobs.write_batches import Written
from distribution.ledger import batches, deliveries, institutions, receipts, returned_mail
from distribution.model import Channel, DeliveryState, PostalAddress, Receipt
from distribution.routing import batching

log = logging.getLogger(__name__)

PLACED = "placed"


@dataclass(frozen=True, slots=True)
class PaperOutcome:
    """What the paper channel did: the batches whose files stand now, reports placed, deliveries held."""

    batches: tuple[str, ...]
    placed: int
    held: int


def print_batches(line: Line, *, run_id: str, on: date) -> PaperOutcome:
    """Finish batches that an earlier run left without proof, then plan and write those of tonight.

    Raises UsageError, before anything is planned, for a setting that pieces cannot be printed with.
    """
    paper_settings.check(line.settings)
    with line.connect() as conn:
        left_over = batches.unproved(conn)
    placed = _write_and_prove(line, left_over, run_id=run_id)
    with line.connect() as conn:
        planned, held = _plan(line, conn, run_id=run_id, on=on)
    placed += _write_and_prove(line, planned, run_id=run_id)
    return PaperOutcome(batches=(*left_over, *planned), placed=placed, held=held)


def render_again(line: Line, batch_id: str) -> Path:
    """Write a batch's files into the outbox again, the same bytes; returns the PDF's path.

    Raises UsageError for an unknown batch, PermanentError when other bytes would come out than were proved.
    """
    with line.connect() as conn:
        batch = batches.read(conn, batch_id)
        batches.log_rewriting(conn, batch_id, actor=actor(), command=f"rewrite {batch_id}")
    write_batches.place(line, batch_id, write_batches.files_as_proved(line, batch))
    return line.settings.paper_outbox / filenames.batch_pdf(batch_id)


def write_cover(line: Line, batch_id: str) -> Path:
    """Write a batch's cover sheet from the ledger (no student's record is read); returns its path."""
    with line.connect() as conn:
        batch = batches.read(conn, batch_id)
        rows = batches.pieces_of(conn, batch_id)
    if batch.pdf_sha256 is None:
        raise PermanentError(
            f"{batch_id} is planned but not written yet. Run the night again, then its cover."
        )
    cover = set_batch.cover_of(line, batch, rows, pdf_sha256=batch.pdf_sha256)
    return outbox.place(line.settings.paper_outbox, filenames.batch_cover(batch_id), cover)


# Planning ---------------------------------------------------------------------------------------------------
def _plan(line: Line, conn: psycopg.Connection, *, run_id: str, on: date) -> tuple[list[str], int]:
    """Place what is pending, in one transaction; the batch ids and the number of deliveries held."""
    pending = deliveries.contents(conn, channel=Channel.PAPER, states=[DeliveryState.PENDING])
    if pending.empty:
        return [], 0
    addresses_of = _addresses(line, conn, on, sorted(pending["recipient"].unique()))
    held = preflight.held(pending, addresses_of)
    held_count = deliveries.hold(conn, held)
    printable = pending[~pending["delivery_id"].isin(held["delivery_id"])]
    if printable.empty:
        return [], held_count
    drafts = _drafts_of(printable, addresses_of)
    packed = batching.pack_batches(_frame_of(drafts), pages_per_sheet=geometry.PAGES_PER_SHEET)
    first = batches.next_position(conn, on)
    packed["batch_id"] = [filenames.batch_id(on, first + position) for position in packed["batch"]]
    batches.plan(
        conn,
        batches=_heads_of(packed).assign(mail_by=set_batch.mail_by(line, on).isoformat()),
        pieces=_pieces_of(packed, drafts).assign(
            imb=mail_codes.codes_of(line.settings, conn, [drafts[index] for index in packed.index])
        ),
        placed=_placed_of(packed, drafts),
        run_id=run_id,
        on=on,
        at=line.now(),
        actor=actor(),
    )
    planned = list(packed["batch_id"].unique())
    log.info("Planned %s batches of %s pieces, held %s deliveries", len(planned), len(packed), held_count)
    return planned, held_count


def _addresses(line: Line, conn: psycopg.Connection, on: date, codes: list[str]) -> dict[str, PostalAddress]:
    """The addresses in force, without those from which mail came back: nothing more goes there for now."""
    found = institutions.addresses(conn, on, codes)
    refused = returned_mail.addresses(conn, codes, on=on, zone=line.settings.zone)
    return {code: address for code, address in found.items() if address not in refused.get(code, ())}


def _drafts_of(printable: pd.DataFrame, addresses_of: Mapping[str, PostalAddress]) -> list[content.Piece]:
    """The night's pieces before they have a batch, by institution."""
    students = content.students_of(printable, by="recipient")
    return [piece for di in sorted(students) for piece in layout.divide(di, addresses_of[di], students[di])]


def _frame_of(drafts: list[content.Piece]) -> pd.DataFrame:
    """What batching needs to know of each piece."""
    planned = [layout.plan(piece) for piece in drafts]
    return pd.DataFrame(
        {
            "di": [piece.di for piece in drafts],
            "stock": [str(stock.name) for stock, _ in planned],
            "sheets": [len(sheets) for _, sheets in planned],
            "country": [piece.address.country for piece in drafts],
            "postal_code": [addresses.sorting_code(piece.address) for piece in drafts],
            "international": [not addresses.is_domestic(piece.address.country) for piece in drafts],
        }
    )


def _heads_of(packed: pd.DataFrame) -> pd.DataFrame:
    """One row per batch, as the ledger takes it."""
    return packed.groupby("batch_id", sort=False, as_index=False).agg(
        stock=("stock", "first"),
        sheets_per_piece=("sheets", "first"),
        international=("international", "first"),
        pieces=("piece", "size"),
        sheets=("sheets", "sum"),
        pages=("last_page", "max"),
    )


def _pieces_of(packed: pd.DataFrame, drafts: list[content.Piece]) -> pd.DataFrame:
    """One row per piece, as the ledger takes it."""
    columns = ["batch_id", "piece", "di", "sheets", "first_page", "last_page"]
    return packed[columns].assign(
        reports=[drafts[index].reports for index in packed.index],
        address=[drafts[index].address for index in packed.index],
    )


def _placed_of(packed: pd.DataFrame, drafts: list[content.Piece]) -> pd.DataFrame:
    """In which piece each delivery stands."""
    rows = [
        (line.delivery_id, batch_id, piece)
        for index, batch_id, piece in zip(packed.index, packed["batch_id"], packed["piece"], strict=True)
        for student in drafts[index].students
        for line in student.lines
    ]
    return pd.DataFrame(rows, columns=["delivery_id", "batch_id", "piece"])


# Writing and proving ----------------------------------------------------------------------------------------
def _write_and_prove(line: Line, batch_ids: Sequence[str], *, run_id: str) -> int:
    """Write batches' files from the ledger and record what stands there; the number of reports on them."""
    placed = 0
    for written in write_batches.write_all(line, batch_ids):
        _prove(line, written, run_id=run_id)
        placed += written.lines_set
    return placed


def _prove(line: Line, written: Written, *, run_id: str) -> None:
    batch, proof, at = written.batch, written.proof, line.now()
    receipt = Receipt(
        channel=Channel.PAPER,
        subject=batch.batch_id,
        records=written.lines_set,
        sha256=proof.pdf_sha256,
        size_bytes=proof.pdf_bytes,
        received_at=at,
        remote_name=filenames.batch_pdf(batch.batch_id),
    )
    with line.connect() as conn:
        batches.prove(conn, batch.batch_id, proof, at=at)
        receipts.write(conn, receipt, event=PLACED, run_id=run_id)
    log.info("Placed %s: %s pieces, %s sheets", batch.batch_id, batch.pieces, batch.sheets)
