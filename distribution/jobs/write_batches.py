"""Batches written from the ledger into the outbox, several at a time where there are cores for it.

A batch is set from the ledger alone, so its bytes are the same whichever process writes it.
"""

import hashlib
import logging
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

from distribution import filenames
from distribution.channels.paper import manifest, outbox
from distribution.errors import PermanentError, TransientError
from distribution.jobs import set_batch
from distribution.jobs.wiring import Line, utc_now
from distribution.ledger import batches
from distribution.ledger.batches import Batch, Proof
from distribution.settings import Settings

log = logging.getLogger(__name__)

WORTH_A_PROCESS = 6_000  # pages: a new process takes two seconds to import what it needs


@dataclass(frozen=True, slots=True)
class Files:
    """A batch's files as they must be; `lines_set` counts the reports on its pages."""

    pdf: bytes
    cover: bytes
    manifest: bytes
    proof: Proof
    lines_set: int


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the outbox for a batch."""

    batch: Batch
    proof: Proof
    lines_set: int


def write_all(line: Line, batch_ids: Sequence[str]) -> Iterator[Written]:
    """Write batches and give each in order, as soon as its files stand.

    Raises OutOfBalance when not every placed report stands on a batch, TransientError when a process that
    wrote one was ended from outside.
    """
    with line.connect() as conn:
        found = [batches.read(conn, batch_id) for batch_id in batch_ids]
    processes = min(line.settings.paper_processes or os.cpu_count() or 1, len(found))
    if processes < 2 or sum(batch.pages for batch in found) < WORTH_A_PROCESS:
        yield from (write(line, batch) for batch in found)
        return
    # Not forked: the parent holds connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        try:
            yield from pool.map(_write_apart, [(line.settings, line.url, batch) for batch in found])
        except BrokenProcessPool as exc:
            raise TransientError("A process that wrote a batch was ended. Run the night again.") from exc


def write(line: Line, batch: Batch) -> Written:
    """Write one batch's files."""
    files = files_of(line, batch)
    place(line, batch.batch_id, files)
    return Written(batch, files.proof, files.lines_set)


def _write_apart(task: tuple[Settings, str, Batch]) -> Written:
    settings, url, batch = task
    return write(Line(settings, url, utc_now), batch)


def _end_with_parent() -> None:
    """End this process when the one that began it is gone: a killed night leaves nobody at work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=[parent], daemon=True).start()


def _wait_and_end(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def files_of(line: Line, batch: Batch) -> Files:
    """A batch as it was planned: every piece in its first generation."""
    with line.connect() as conn:
        rows = [replace(row, generation=0) for row in batches.pieces_of(conn, batch.batch_id)]
    printed = set_batch.set_pieces(line, batch, rows)
    listed = manifest.write(batch.batch_id, printed.sheets, pdf_sha256=printed.sha256)
    cover = set_batch.cover_of(line, batch, rows, pdf_sha256=printed.sha256)
    proof = Proof(printed.sha256, len(printed.pdf), _sha256(cover), _sha256(listed))
    return Files(printed.pdf, cover, listed, proof, printed.lines_set)


def files_as_proved(line: Line, batch: Batch) -> Files:
    """A batch as it was planned, the same bytes as were proved.

    Raises PermanentError (`not-the-same-bytes`) when others would come out.
    """
    files = files_of(line, batch)
    if batch.proved_at is not None and files.proof.pdf_sha256 != batch.pdf_sha256:
        made_on = batch.created_at.astimezone(line.settings.zone).date()
        raise PermanentError(
            f"{batch.batch_id} would not come out as it was: the program, its templates or the return "
            f"address have changed since {made_on}. Nothing was changed. Give the command again with those "
            "of that day; a lost file can also be restored from a backup.",
            code="not-the-same-bytes",
        )
    return files


def place(line: Line, batch_id: str, files: Files) -> None:
    """The cover sheet comes last: the mailroom begins with it, so all else stands when it is there."""
    folder = line.settings.paper_outbox
    pdf = folder / filenames.batch_pdf(batch_id)
    if pdf.is_file() and _sha256(pdf.read_bytes()) != files.proof.pdf_sha256:
        log.warning("%s stood in the outbox with other bytes than the ledger gives; it is replaced", pdf.name)
    outbox.place(folder, filenames.batch_pdf(batch_id), files.pdf)
    outbox.place(folder, filenames.batch_manifest(batch_id), files.manifest)
    outbox.place(folder, filenames.batch_cover(batch_id), files.cover)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
