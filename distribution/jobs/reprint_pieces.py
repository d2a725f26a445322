"""Pieces printed again: their own file, the same reports, marked R1, R2; never a copy of the old sheet.

Claim, act, prove: the reprint is planned first with its name and generations; its file is set from the ledger
alone, so a command that was killed in between gives the same bytes when it is given again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from distribution import filenames
from distribution.channels.paper import manifest, outbox
from distribution.channels.paper.print_batch import Printed
from distribution.errors import PermanentError, UsageError
from distribution.jobs import set_batch, write_batches
from distribution.jobs.batch_life import next_step
from distribution.jobs.piece_names import listed, numbers
from distribution.jobs.wiring import Line, actor
from distribution.ledger import batch_life, batches
from distribution.ledger.batch_life import Reprint
from distribution.ledger.batches import Batch, PieceRow
from distribution.model import BatchState, PieceState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reprinted:
    """A reprint whose file stands (in a dry run: would stand). `said_before` when it had been asked for."""

    batch_id: str
    name: str
    path: Path
    manifest: Path
    pieces: tuple[int, ...]
    generations: tuple[int, ...]
    sheets: int
    sha256: str
    said_before: bool
    next: str = ""


def reprint(
    line: Line,
    batch_id: str,
    *,
    words: Sequence[str] = (),
    from_piece: str | None = None,
    reason: str,
    dry_run: bool = False,
) -> Reprinted:
    """Print pieces of a batch again: those named, or the rest from one on.

    The same pieces and reason again, none of them spoiled or printed since, is the same reprint. Raises
    UsageError once the batch is mailed, PermanentError when its pieces would not come out as they were.
    """
    if not reason.strip():
        raise UsageError("--reason must say why.")
    with line.connect() as conn:
        batch = batches.read(conn, batch_id)
    pieces = _pieces(batch, words, from_piece)
    # Before anything is planned: a mark may be all that tells the new sheet from the old one.
    write_batches.files_as_proved(line, batch)
    if not dry_run:
        _finish_broken_off(line, batch, but_for=pieces)
    with line.connect() as conn:
        batch_life.lock(conn, batch_id)
        batch = batches.read(conn, batch_id)
        pieces = _pieces(batch, words, from_piece)
        known = _known(conn, batch, pieces, reason.strip())
        planned = known or _next(conn, batch, pieces, reason=reason.strip(), line=line)
        if dry_run:
            conn.rollback()
            return _as_outcome(line, planned, sheets=0, said_before=known is not None)
        if known is None:
            batch_life.plan_reprint(conn, planned)
        elif known.proved_at is not None:
            batch_life.log_access(
                conn, batch_id, known.pieces, actor=actor(), command=f"rewrite {known.name}"
            )
    return _write_and_prove(line, batch, planned, said_before=bool(known and known.proved_at))


def _finish_broken_off(line: Line, batch: Batch, *, but_for: list[int]) -> None:
    """Write the files of reprints that were planned and never proved, but for the one asked for now."""
    with line.connect() as conn:
        every = batch_life.reprints(conn, batch.batch_id)
    for planned in every:
        if planned.proved_at is None and planned.pieces != but_for:
            _write_and_prove(line, batch, planned, said_before=False)


def _pieces(batch: Batch, words: Sequence[str], from_piece: str | None) -> list[int]:
    if batch.state == BatchState.MAILED:
        raise UsageError(
            f"{batch.batch_id} is mailed: it is not printed again. Has an envelope come back? "
            f"Then: batch returned {batch.batch_id} PIECE."
        )
    if batch.proved_at is None:
        raise UsageError(f"The files of {batch.batch_id} are not written yet. Run the night again first.")
    if bool(words) == bool(from_piece):
        raise UsageError("Name the pieces (0118 or 0118-0121), or the first of the rest with --from 0118.")
    if from_piece:
        first, *others = numbers([from_piece], pieces=batch.pieces, of=batch.batch_id)
        if others:
            raise UsageError(
                f"--from takes one piece, the first of the rest: --from {first:04d}. "
                f"For {from_piece} and no more, leave --from away."
            )
        return list(range(first, batch.pieces + 1))
    return numbers(words, pieces=batch.pieces, of=batch.batch_id)


def _known(conn: psycopg.Connection, batch: Batch, pieces: Sequence[int], reason: str) -> Reprint | None:
    """The reprint that was asked for before, when this is the same one, finished or broken off.

    One whose pieces were printed again in another reprint since is not: its sheets may not leave the house.
    """
    before = [each for each in batch_life.reprints(conn, batch.batch_id) if each.pieces == pieces]
    broken_off = [each for each in before if each.proved_at is None]
    if broken_off:
        return broken_off[-1]
    rows = [row for row in batches.pieces_of(conn, batch.batch_id) if row.piece in set(pieces)]
    newest = [row.generation for row in rows]
    same = [each for each in before if each.reason == reason and each.generations == newest]
    is_spoiled = any(row.state == PieceState.SPOILED for row in rows)
    return same[-1] if same and not is_spoiled else None


def _next(conn: psycopg.Connection, batch: Batch, pieces: list[int], *, reason: str, line: Line) -> Reprint:
    """The next generation of these pieces."""
    generation_of = {row.piece: row.generation for row in batches.pieces_of(conn, batch.batch_id)}
    generations = [generation_of[piece] + 1 for piece in pieces]
    name = filenames.reprint_pdf(batch.batch_id, generation=generations[0], first=pieces[0], last=pieces[-1])
    return Reprint(
        name=name,
        batch_id=batch.batch_id,
        number=len(batch_life.reprints(conn, batch.batch_id)) + 1,
        pieces=pieces,
        generations=generations,
        reason=reason,
        actor=actor(),
        planned_at=line.now(),
        proved_at=None,
        pdf_sha256=None,
        pdf_bytes=None,
    )


def _write_and_prove(line: Line, batch: Batch, planned: Reprint, *, said_before: bool) -> Reprinted:
    printed = set_batch.set_pieces(line, batch, _rows(line, planned))
    if planned.pdf_sha256 not in (None, printed.sha256):
        raise PermanentError(
            f"{planned.name} would not come out as it was. Mark its pieces as spoiled and print them again.",
            code="not-the-same-bytes",
        )
    _place(line, planned, printed)
    due = _prove(line, planned, printed)
    log.info("Placed %s: %s again", planned.name, listed(planned.pieces))
    outcome = _as_outcome(line, planned, sheets=len(printed.sheets), said_before=said_before)
    return replace(outcome, sha256=printed.sha256, next=due)


def _prove(line: Line, planned: Reprint, printed: Printed) -> str:
    """Record that the file stands; what is to be done next with the batch."""
    at, size_bytes = line.now(), len(printed.pdf)
    with line.connect() as conn:
        batch_life.lock(conn, planned.batch_id)
        if batch_life.prove_reprint(conn, planned, pdf_sha256=printed.sha256, pdf_bytes=size_bytes, at=at):
            batch_life.note(
                conn,
                planned.batch_id,
                "reprinted",
                at=at,
                actor=planned.actor,
                pieces=planned.pieces,
                reason=planned.reason,
            )
        return next_step(conn, batches.read(conn, planned.batch_id))


def _place(line: Line, planned: Reprint, printed: Printed) -> None:
    """The PDF comes last: the mailroom begins with it, so its manifest stands when it is there."""
    folder = line.settings.paper_outbox
    listed = manifest.write(planned.batch_id, printed.sheets, pdf_sha256=printed.sha256)
    outbox.place(folder, filenames.reprint_manifest(planned.name), listed)
    outbox.place(folder, planned.name, printed.pdf)


def _rows(line: Line, planned: Reprint) -> list[PieceRow]:
    """The pieces as they must be printed: in the generation of this reprint, whatever came later."""
    generation_of = dict(zip(planned.pieces, planned.generations, strict=True))
    with line.connect() as conn:
        every = batches.pieces_of(conn, planned.batch_id)
    return [replace(row, generation=generation_of[row.piece]) for row in every if row.piece in generation_of]


def _as_outcome(line: Line, planned: Reprint, *, sheets: int, said_before: bool) -> Reprinted:
    return Reprinted(
        batch_id=planned.batch_id,
        name=planned.name,
        path=line.settings.paper_outbox / planned.name,
        manifest=line.settings.paper_outbox / filenames.reprint_manifest(planned.name),
        pieces=tuple(planned.pieces),
        generations=tuple(planned.generations),
        sheets=sheets,
        sha256=planned.pdf_sha256 or "",
        said_before=said_before,
    )
