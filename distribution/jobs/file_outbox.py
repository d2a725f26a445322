"""The exact bytes of every electronic file: kept in the outbox, written again when they are missing."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from distribution import exams, filenames
from distribution.channels.electronic import record_layout, score_file
from distribution.channels.electronic.record_layout import Control
from distribution.channels.electronic.score_file import Form, Header
from distribution.errors import PermanentError
from distribution.jobs.wiring import Line
from distribution.ledger import files
from distribution.model import Endpoint, FileKind


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file and of its sidecar, if it has one."""

    data: bytes
    sidecar: bytes | None


def form_of(endpoint: Endpoint) -> Form:
    """How the institution wants its files written."""
    layout = record_layout.load(endpoint.layout)
    return Form(
        layout=layout,
        encoding=endpoint.encoding,
        newline=endpoint.newline,
        control=Control(endpoint.control) if endpoint.control else layout.control,
    )


def form_of_file(file: files.ScoreFile) -> Form:
    """How a file was written when it got its number, whatever the institution wants by now."""
    return Form(
        layout=record_layout.load(file.layout),
        encoding=file.encoding,
        newline=file.newline,
        control=Control(file.control),
    )


def header_of(file: files.ScoreFile, *, kind: str) -> Header:
    return Header(
        di=file.di,
        sequence=file.sequence,
        previous_sequence=file.previous_sequence,
        created=file.created_at,
        kind=kind,
        original=file.original_name or "",
    )


def new_file(
    header: Header,
    form: Form,
    written: score_file.ScoreFile,
    *,
    on: date,
    run_id: str | None,
    asked_by: str | None = None,
    asked_because: str | None = None,
) -> files.NewFile:
    """A composed file as the ledger records it."""
    layout = form.layout
    has_sidecar = written.sidecar is not None
    return files.NewFile(
        name=file_name(header, form, on=on),
        di=header.di,
        sequence=header.sequence,
        previous_sequence=header.previous_sequence,
        kind=header.kind,
        business_date=on,
        created_at=header.created,
        run_id=run_id,
        layout=layout.layout,
        layout_version=layout.version,
        encoding=form.encoding,
        newline=form.newline,
        control=form.control.value,
        sidecar_name=filenames.sidecar(di=header.di, day=on, sequence=header.sequence)
        if has_sidecar
        else None,
        original_name=header.original or None,
        asked_by=asked_by,
        asked_because=asked_because,
        details=written.details,
        score_total=written.score_total,
        sha256=written.sha256,
        size_bytes=len(written.data),
        sidecar_sha256=written.sidecar_sha256,
    )


def file_name(header: Header, form: Form, *, on: date) -> str:
    """The name that a file of this number bears."""
    return filenames.electronic_file(
        prefix=exams.programme().file_prefix,
        di=header.di,
        day=on,
        sequence=header.sequence,
        extension=form.layout.extension,
    )


def keep(line: Line, *, di: str, contents: Mapping[str, bytes]) -> None:
    """Write files into the institution's outbox: whole or not at all, readable for the owner only."""
    folder = line.settings.electronic_outbox / di
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in contents.items():
        _write_whole(folder / name, content)


def _write_whole(path: Path, content: bytes) -> None:
    beginning = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    beginning.replace(path)


def content_of(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> Content:
    """The bytes that a file has had since it got them, checked against the ledger's hash.

    Bytes that are missing are written again from the ledger. When they would differ: raises ContentChanged
    for a file that has not left, PermanentError for one that may have.
    """
    folder = line.settings.electronic_outbox / file.di
    data = _kept(folder / file.name, file.sha256)
    sidecar = _kept(folder / file.sidecar_name, file.sidecar_sha256) if file.sidecar_name else None
    if data is not None and (sidecar is not None or file.sidecar_name is None):
        return Content(data, sidecar)
    written = compose(conn, file, kind=file.kind)
    if (written.sha256, written.sidecar_sha256) != (file.sha256, file.sidecar_sha256):
        if not file.may_have_left:
            raise files.ContentChanged(f"{file.name} carries other deliveries by now.")
        raise PermanentError(
            f"The bytes of {file.name} are missing from the outbox, and the ledger would write others now. "
            "Restore the file into the outbox from a backup; it is never sent with other bytes.",
            code="bytes-missing",
        )
    keep(line, di=file.di, contents=named_contents(file, written))
    return Content(written.data, written.sidecar)


def _kept(path: Path, sha256: str | None) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def compose(conn: psycopg.Connection, file: files.ScoreFile, *, kind: str) -> score_file.ScoreFile:
    """A file's bytes from the ledger; a file that has not left and lost all its deliveries becomes VOID."""
    attached = files.attached(conn, file)
    form = form_of_file(file)
    if attached.empty and not file.may_have_left:
        kind = FileKind.VOID
    return score_file.compose(header_of(file, kind=kind), score_file.format_details(attached, form), form)


def rewrite(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> files.ScoreFile:
    """Write a file that has not left anew, from the deliveries that it still carries."""
    with conn.transaction():
        written = compose(conn, file, kind=file.kind)
        files.rewrite(
            conn,
            file.file_id,
            kind=file.kind if written.details else FileKind.VOID,
            details=written.details,
            score_total=written.score_total,
            sha256=written.sha256,
            size_bytes=len(written.data),
            sidecar_sha256=written.sidecar_sha256,
        )
    keep(line, di=file.di, contents=named_contents(file, written))
    return files.read(conn, file.file_id)


def named_contents(file: files.ScoreFile | files.NewFile, written: score_file.ScoreFile) -> dict[str, bytes]:
    """The bytes by name: the data file, and its sidecar where it has one."""
    contents = {file.name: written.data}
    if file.sidecar_name and written.sidecar is not None:
        contents[file.sidecar_name] = written.sidecar
    return contents
