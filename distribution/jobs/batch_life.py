"""What the mailroom says of its batches: printed, inserted, mailed; spoiled and printed again; returned."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import psycopg

from distribution.advice import next_of_batch
from distribution.errors import UsageError
from distribution.jobs.piece_names import copies, listed, numbers, scanned
from distribution.jobs.wiring import Line, actor
from distribution.ledger import batch_life, batches, deliveries, receipts, returned_mail
from distribution.ledger.batches import Batch
from distribution.model import BatchState, Channel, PieceState, Receipt

log = logging.getLogger(__name__)

_ORDER = list(BatchState)
_COUNTED = {BatchState.PRINTED: "sheets", BatchState.INSERTED: "pieces", BatchState.MAILED: "pieces"}


@dataclass(frozen=True, slots=True)
class Step:
    """A batch after what was said of it; `said_before` when nothing changed. `reports` were delivered."""

    batch_id: str
    state: str
    counted: int
    said_before: bool
    next: str
    reports: int = 0


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Pieces that are spoiled now; `before` of them were known to be.

    Of `older` an old copy was named (piece → mark of its newest, which is what became spoiled).
    """

    batch_id: str
    pieces: tuple[int, ...]
    before: int
    next: str
    older: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Returned:
    """Pieces of a batch that the carrier brought back, or that went out again in the same envelope."""

    batch_id: str
    pieces: tuple[int, ...]
    institutions: tuple[str, ...]
    before: int
    reports: int


def printed(line: Line, batch_id: str, *, sheets: int, dry_run: bool = False) -> Step:
    """Say that a batch is printed. Raises UsageError for another count than the manifest's."""
    return _step(line, batch_id, BatchState.PRINTED, count=sheets, dry_run=dry_run)


def inserted(line: Line, batch_id: str, *, pieces: int, dry_run: bool = False) -> Step:
    """Say that a batch is in its envelopes. Raises UsageError for another count, or before it is printed."""
    return _step(line, batch_id, BatchState.INSERTED, count=pieces, dry_run=dry_run)


def mailed(line: Line, batch_id: str, *, pieces: int, dry_run: bool = False) -> Step:
    """Close a batch: all of it has gone to the carrier, so what lies in it is delivered.

    Raises UsageError for another count, before it is inserted, and while a spoiled piece is not reprinted.
    """
    return _step(line, batch_id, BatchState.MAILED, count=pieces, dry_run=dry_run)


def _step(line: Line, batch_id: str, wanted: BatchState, *, count: int, dry_run: bool) -> Step:
    with _changing(line, batch_id, dry_run=dry_run) as (conn, batch):
        _refuse_another_count(batch, wanted, count)
        if _ORDER.index(BatchState(batch.state)) >= _ORDER.index(wanted):
            return Step(batch_id, batch.state, count, said_before=True, next=next_step(conn, batch))
        _refuse_out_of_order(batch, wanted)
        reports = 0
        if wanted is BatchState.MAILED:
            reports = _close(conn, batch, at=line.now())
        else:
            batch_life.advance(conn, batch_id, wanted, at=line.now())
        batch_life.note(conn, batch_id, wanted, at=line.now(), actor=actor())
        after = batches.read(conn, batch_id)
        step = Step(
            batch_id, after.state, count, said_before=False, next=next_step(conn, after), reports=reports
        )
    if not dry_run:
        log.info("%s is %s: %s %s", batch_id, wanted, count, _COUNTED[wanted])
    return step


def _refuse_another_count(batch: Batch, wanted: BatchState, count: int) -> None:
    unit = _COUNTED[wanted]
    stated = batch.sheets if unit == "sheets" else batch.pieces
    if count == stated:
        return
    if batch.state == BatchState.MAILED:
        then = "The batch is mailed; tell the developers if the carrier took another number."
    elif count < stated:
        then = f"Count again; if a piece is missing or damaged: batch spoiled {batch.batch_id} PIECE."
    else:
        then = "Count again; look for the old copy of a piece that was printed again, or another batch's."
    raise UsageError(
        f"{batch.batch_id} has {stated:,} {unit} by its manifest, {count:,} were counted. "
        f"Nothing was changed. {then}"
    )


def _refuse_out_of_order(batch: Batch, wanted: BatchState) -> None:
    if batch.proved_at is None:
        raise UsageError(f"The files of {batch.batch_id} are not written yet. Run the night again first.")
    due = _ORDER[_ORDER.index(BatchState(batch.state)) + 1]
    if due is not wanted:
        raise UsageError(
            f"{batch.batch_id} is {batch.state}: {due} comes first "
            f"(batch {due} {batch.batch_id} --{_COUNTED[due]} N)."
        )


def _close(conn: psycopg.Connection, batch: Batch, *, at: datetime) -> int:
    """Pieces, deliveries, receipt and batch in the one transaction of the caller. The number of reports."""
    spoiled = batch_life.pieces_in(conn, batch.batch_id, PieceState.SPOILED)
    if spoiled:
        raise UsageError(
            f"{batch.batch_id} cannot be mailed: spoiled and not printed again: {listed(spoiled)}. "
            f"First: batch reprint {batch.batch_id} {listed(spoiled).replace(',', '')} --reason TEXT."
        )
    reports = batch_life.mail(conn, batch.batch_id, at=at)
    receipt = Receipt(
        channel=Channel.PAPER,
        subject=batch.batch_id,
        records=reports,
        sha256=batch.pdf_sha256 or "",
        size_bytes=batch.pdf_bytes or 0,
        received_at=at,
    )
    receipts.write(conn, receipt, run_id=None)
    return reports


def spoiled(line: Line, batch_id: str, words: Sequence[str], *, dry_run: bool = False) -> Spoiled:
    """Mark pieces (`0118`, `0118-0121`) as spoiled. Raises UsageError once the batch is mailed."""
    with _changing(line, batch_id, dry_run=dry_run) as (conn, batch):
        if batch.state == BatchState.MAILED:
            raise UsageError(
                f"{batch_id} is mailed: nothing in it can be spoiled any more. Has an envelope come back? "
                f"Then: batch returned {batch_id} PIECE."
            )
        pieces = numbers(words, pieces=batch.pieces, of=batch_id)
        new = set(pieces) - set(batch_life.pieces_in(conn, batch_id, PieceState.SPOILED))
        mark_of = {row.piece: row.generation for row in batches.pieces_of(conn, batch_id)}
        named = {piece: mark for piece, mark in copies(words).items() if piece in new}
        older = {piece: mark_of[piece] for piece, mark in named.items() if mark < mark_of[piece]}
        if new:
            batch_life.spoil(conn, batch_id, sorted(new))
            batch_life.note(conn, batch_id, "spoiled", at=line.now(), actor=actor(), pieces=sorted(new))
        after = batches.read(conn, batch_id)
        return Spoiled(batch_id, tuple(pieces), len(pieces) - len(new), next_step(conn, after), older)


def returned(line: Line, words: Sequence[str], *, dry_run: bool = False) -> list[Returned]:
    """Book scanned pieces as returned: their reports wait for another address, which is not used meanwhile.

    Raises UsageError for a piece that was not mailed.
    """
    return _bring_back(line, words, dry_run=dry_run, event="returned", book=_book)


def mailed_again(line: Line, words: Sequence[str], *, dry_run: bool = False) -> list[Returned]:
    """Book returned pieces whose address proved right: the same envelopes went to the carrier once more.

    Raises UsageError for a piece that was never booked as returned, and for one whose reports wait for, or
    lie in, another piece.
    """
    return _bring_back(line, words, dry_run=dry_run, event="mailed-again", book=_unbook)


def _bring_back(
    line: Line,
    words: Sequence[str],
    *,
    dry_run: bool,
    event: str,
    book: Callable[[psycopg.Connection, str, list[int], datetime], int],
) -> list[Returned]:
    wanted = PieceState.RETURNED if event == "returned" else PieceState.MAILED
    found = []
    with line.connect() as conn:
        for batch_id, named in sorted(scanned(words).items()):
            batch_life.lock(conn, batch_id)
            batch = batches.read(conn, batch_id)
            pieces = numbers([str(each) for each in named], pieces=batch.pieces)
            _refuse_unmailed(batch, pieces)
            known = set(batch_life.pieces_in(conn, batch_id, wanted))
            new = sorted(set(pieces) - known)
            if wanted is PieceState.MAILED:
                _refuse_never_returned(conn, batch_id, known & set(pieces))
            reports = book(conn, batch_id, new, line.now()) if new else 0
            if new:
                batch_life.note(conn, batch_id, event, at=line.now(), actor=actor(), pieces=new)
            codes = [row.di for row in batches.pieces_of(conn, batch_id) if row.piece in pieces]
            before = len(pieces) - len(new)
            found.append(Returned(batch_id, tuple(pieces), tuple(dict.fromkeys(codes)), before, reports))
        if dry_run:
            conn.rollback()
    for each in found if not dry_run else ():
        log.info("%s: %s %s", each.batch_id, event, listed(each.pieces))
    return found


def _refuse_unmailed(batch: Batch, pieces: Sequence[int]) -> None:
    if batch.state != BatchState.MAILED:
        raise UsageError(
            f"{batch.batch_id} is {batch.state}, not mailed: {listed(pieces)} cannot have come back. "
            f"A damaged one: batch spoiled {batch.batch_id} {pieces[0]:04d}."
        )


def _refuse_never_returned(conn: psycopg.Connection, batch_id: str, mailed: Collection[int]) -> None:
    """Pieces that count as mailed went out once more only if they were booked so."""
    booked = (each.pieces for each in batch_life.events(conn, batch_id) if each.event == "mailed-again")
    never = sorted(set(mailed) - set(chain.from_iterable(booked)))
    if never:
        raise UsageError(
            f"{listed(never)} of {batch_id}: not booked as returned, so it cannot go out once more. Nothing "
            f"was changed. Has it come back now? Then first: batch returned {batch_id} {never[0]:04d}."
        )


def _book(conn: psycopg.Connection, batch_id: str, pieces: list[int], at: datetime) -> int:
    return returned_mail.book(conn, batch_id, pieces, at=at)


def _unbook(conn: psycopg.Connection, batch_id: str, pieces: list[int], at: datetime) -> int:
    gone = returned_mail.gone_again(conn, batch_id, pieces)
    if gone:
        raise UsageError(
            f"{listed(gone)} of {batch_id}: its reports were taken up again since. Shred the old envelope."
        )
    moved = returned_mail.unbook(conn, batch_id, pieces)
    codes = [row.di for row in batches.pieces_of(conn, batch_id) if row.piece in pieces]
    held = returned_mail.held_for_address(conn, codes)
    deliveries.release(conn, held, actor=actor(), note="the address proved right")
    return moved


def next_step(conn: psycopg.Connection, batch: Batch) -> str:
    """What is to be done next with a batch, in one sentence."""
    spoiled = listed(batch_life.pieces_in(conn, batch.batch_id, PieceState.SPOILED)) if batch.spoiled else ""
    waiting = returned_mail.waiting_for_address(conn, batch.batch_id) if batch.returned else []
    return next_of_batch(
        batch.batch_id,
        state=batch.state,
        sheets=batch.sheets,
        pieces=batch.pieces,
        spoiled=spoiled,
        written=batch.proved_at is not None,
        returned=", ".join(waiting),
    )


@contextmanager
def _changing(line: Line, batch_id: str, *, dry_run: bool) -> Iterator[tuple[psycopg.Connection, Batch]]:
    """A batch that nobody else changes meanwhile; a dry run takes back all that was done."""
    with line.connect() as conn:
        batch_life.lock(conn, batch_id)
        yield conn, batches.read(conn, batch_id)
        if dry_run:
            conn.rollback()
