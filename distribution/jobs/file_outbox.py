"""The exact bytes of every electronic file: kept in the outbox, written again when they are missing."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from distribution import exams, filenames
from distribution.channels.electronic import score_file
from distribution.channels.electronic.record_layout import SEQUENCE_EXTENSION
from distribution.channels.electronic.score_file import Form, Header
from distribution.errors import PermanentError
from distribution.jobs import file_forms, sealing
from distribution.jobs.sealing import Seal
from distribution.jobs.wiring import Line
from distribution.ledger import endpoints, files, rewrites
from distribution.model import Endpoint, FileKind, Publish

_TEST = "TEST"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file and of its sidecar, if it has one."""

    data: bytes
    sidecar: bytes | None


def new_file(
    header: Header,
    form: Form,
    written: score_file.ScoreFile,
    *,
    on: date,
    run_id: str | None,
    seal: Seal | None = None,
    encrypted: bool | None = None,
    pattern: str | None = None,
    asked_by: str | None = None,
    asked_because: str | None = None,
    test: bool = False,
) -> files.NewFile:
    """A composed file as the ledger records it.

    `pattern`: how the institution wants its files named. `encrypted`: where its bytes are still to come.
    """
    is_encrypted = seal is not None if encrypted is None else encrypted
    layout = form.layout
    has_sidecar = written.sidecar is not None
    return files.NewFile(
        name=file_name(header, form, on=on, encrypted=is_encrypted, pattern=pattern, test=test),
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
        sidecar_name=filenames.sidecar(di=header.di, day=on, sequence=header.sequence, test=test)
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
        transliterated=written.transliterated,
        plain_sha256=written.plain_sha256,
        encrypted_for=seal.key.fingerprint if seal is not None else None,
        test=test,
    )


def file_name(
    header: Header,
    form: Form,
    *,
    on: date,
    encrypted: bool = False,
    pattern: str | None = None,
    test: bool = False,
) -> str:
    """The name that a file of this number bears."""
    extension = form.layout.extension
    name = filenames.electronic_file(
        prefix=_TEST if test else exams.programme().file_prefix,
        di=header.di,
        day=on,
        sequence=header.sequence,
        extension=filenames.last_three(header.sequence) if extension == SEQUENCE_EXTENSION else extension,
        encrypted=encrypted,
        pattern=pattern,
    )
    return f"{_TEST}_{name}" if test and not name.startswith(f"{_TEST}_") else name


def keep(line: Line, *, di: str, contents: Mapping[str, bytes], encrypted: bool) -> None:
    """Write files into the institution's outbox: whole or not at all, readable for the owner only.

    Encrypted bytes cannot be made again, so they outlive a power cut; others the ledger can write again, and
    they are looked at before they are sent: waiting for the disk would cost seconds a night.
    """
    folder = line.settings.electronic_outbox / di
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in contents.items():
        _write_whole(folder / name, content, to_the_disk=encrypted)


def _write_whole(path: Path, content: bytes, *, to_the_disk: bool) -> None:
    beginning = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        if to_the_disk:
            handle.flush()
            os.fsync(handle.fileno())
    beginning.replace(path)
    if to_the_disk:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let a new name outlive a power cut, not only the bytes behind it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def content_of(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> Content:
    """The bytes that a file has had since it got them, checked against the ledger's hash.

    Bytes that are missing are written again from the ledger. When they would differ (encrypted ones always
    do): raises ContentChanged for a file that has not left, PermanentError for one that may have. A file that
    has not left is for the PGP key in force: raises PgpKeyUnusable when nothing may be encrypted to it, and
    ContentChanged for one that lacks the done-file which is agreed by now.
    """
    endpoint = endpoints.of(conn, file.di)
    if _lacks_done_file(file, endpoint):
        raise files.ContentChanged(f"{file.name} is waited for with a done-file by now.")
    if not file.may_have_left:
        seal = sealing.seal_for(line, endpoint, file_forms.form_of_file(file).layout, di=file.di)
        if file.encrypted_for != (seal.key.fingerprint if seal is not None else None) or not file.sha256:
            raise files.ContentChanged(f"{file.name} is for another PGP key by now.")
    return _bytes_of(line, conn, file)


def _lacks_done_file(file: files.ScoreFile, endpoint: Endpoint | None) -> bool:
    """True for a file that was written before `publish: done-file` was agreed and stands nowhere yet.

    One that may stand under a name already goes on as it was begun.
    """
    waits = endpoint is not None and endpoint.publish == Publish.DONE_FILE
    is_begun = file.renaming_attempt is not None or file.closing_attempt is not None
    return waits and file.sidecar_name is None and not is_begun and not file.test


def _bytes_of(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> Content:
    folder = line.settings.electronic_outbox / file.di
    data = _kept(folder / file.name, file.sha256)
    sidecar = _kept(folder / file.sidecar_name, file.sidecar_sha256) if file.sidecar_name else None
    if data is not None and (sidecar is not None or file.sidecar_name is None):
        return Content(data, sidecar)
    if file.encrypted_for is not None:
        raise _missing(file)
    written = compose(conn, file, kind=file.kind)
    if (written.sha256, written.sidecar_sha256) != (file.sha256, file.sidecar_sha256):
        raise _missing(file)
    keep(line, di=file.di, contents=named_contents(file, written), encrypted=False)
    return Content(written.data, written.sidecar)


def _missing(file: files.ScoreFile) -> files.ContentChanged | PermanentError:
    if not file.may_have_left:
        return files.ContentChanged(f"{file.name} must be written anew.")
    return PermanentError(
        f"The bytes of {file.name} are missing from the outbox, and the ledger would write others now. "
        "Restore the file into the outbox from a backup; it is never sent with other bytes.",
        code="bytes-missing",
    )


def _kept(path: Path, sha256: str | None) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def compose(
    conn: psycopg.Connection,
    file: files.ScoreFile,
    *,
    kind: str,
    form: Form | None = None,
    seal: Callable[[bytes], bytes] | None = None,
) -> score_file.ScoreFile:
    """A file's bytes from the ledger; a file that has not left and lost all its deliveries becomes VOID.

    `form` None = that in which it was written.
    """
    attached = files.attached(conn, file)
    form = form or file_forms.form_of_file(file)
    if _is_void(file, len(attached)):
        kind = FileKind.VOID
    lines = score_file.format_details(attached, form)
    return score_file.compose(file_forms.header_of(file, kind=kind), lines, form, seal=seal)


def _is_void(file: files.ScoreFile, deliveries: int) -> bool:
    """True for a number that lost what it carried; a day without records was empty from the start."""
    return deliveries == 0 and file.details > 0 and not file.may_have_left


def rewrite(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> files.ScoreFile:
    """Write a file that has not left anew, from the deliveries that it still carries, as is agreed now.

    What may have left keeps its bytes and gets a done-file. Raises PgpKeyUnusable.
    """
    endpoint = endpoints.of(conn, file.di)
    form = file_forms.form_again(file, endpoint)
    if file.may_have_left:
        return _with_done_file(line, conn, file, form)
    seal = sealing.seal_for(line, endpoint, form.layout, di=file.di)
    with conn.transaction():
        written = compose(conn, file, kind=file.kind, form=form, seal=seal)
        rewrites.rewrite(
            conn,
            file,
            name=filenames.with_suffix(file.name, encrypted=seal is not None),
            kind=FileKind.VOID if _is_void(file, written.details) else file.kind,
            control=form.control.value,
            sidecar_name=_sidecar_name(file) if form.has_sidecar else None,
            details=written.details,
            score_total=written.score_total,
            sha256=written.sha256,
            size_bytes=len(written.data),
            sidecar_sha256=written.sidecar_sha256,
            transliterated=written.transliterated,
            plain_sha256=written.plain_sha256,
            encrypted_for=seal.key.fingerprint if seal is not None else None,
        )
    rewritten = files.read(conn, file.file_id)
    keep(line, di=file.di, contents=named_contents(rewritten, written), encrypted=seal is not None)
    return rewritten


def _with_done_file(
    line: Line, conn: psycopg.Connection, file: files.ScoreFile, form: Form
) -> files.ScoreFile:
    data = _bytes_of(line, conn, file).data
    # Encrypted again they would be other bytes, so the kept ones stand in for what would be made.
    seal = None if file.encrypted_for is None else lambda _: data
    written = compose(conn, file, kind=file.kind, form=form, seal=seal)
    if written.plain_sha256 != file.plain_sha256:
        raise _missing(file)
    # Kept before the ledger knows it: beside encrypted bytes one that is missing is never made again.
    name = _sidecar_name(file)
    keep(line, di=file.di, contents={name: written.sidecar or b""}, encrypted=file.encrypted_for is not None)
    rewrites.add_sidecar(
        conn, file, control=form.control.value, name=name, sha256=written.sidecar_sha256 or ""
    )
    return files.read(conn, file.file_id)


def _sidecar_name(file: files.ScoreFile) -> str:
    return filenames.sidecar(di=file.di, day=file.business_date, sequence=file.sequence, test=file.test)


def named_contents(file: files.ScoreFile | files.NewFile, written: score_file.ScoreFile) -> dict[str, bytes]:
    """The bytes by name: the data file, and its sidecar where it has one."""
    contents = {file.name: written.data}
    if file.sidecar_name and written.sidecar is not None:
        contents[file.sidecar_name] = written.sidecar
    return contents
