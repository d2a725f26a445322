"""In which form a file is written: as its institution wants it, as it was written before, as once more."""

from dataclasses import replace

from distribution.channels.electronic import record_layout
from distribution.channels.electronic.record_layout import Control
from distribution.channels.electronic.score_file import Form, Header
from distribution.ledger import files
from distribution.model import Endpoint, FileKind, Publish


def form_of(endpoint: Endpoint) -> Form:
    """How the institution wants its files written."""
    layout = record_layout.load(endpoint.layout)
    form = Form(
        layout=layout,
        encoding=endpoint.encoding,
        newline=endpoint.newline,
        control=Control(endpoint.control) if endpoint.control else layout.control,
    )
    return _announced(form, endpoint)


def _announced(form: Form, endpoint: Endpoint | None) -> Form:
    """The form with the control file that `publish: done-file` waits for; the data stays the same."""
    waits = endpoint is not None and endpoint.publish == Publish.DONE_FILE
    return replace(form, control=Control.BOTH) if waits and form.control is Control.INLINE else form


def form_of_file(file: files.ScoreFile) -> Form:
    """How a file was written when it got its number, whatever the institution wants by now."""
    return Form(
        layout=record_layout.load(file.layout),
        encoding=file.encoding,
        newline=file.newline,
        control=Control(file.control),
    )


def form_again(file: files.ScoreFile, endpoint: Endpoint | None) -> Form:
    """How the records of an earlier file are written once more: as then, but announced as is agreed now."""
    return _announced(form_of_file(file), endpoint)


def header_of(file: files.ScoreFile, *, kind: str) -> Header:
    return Header(
        di=file.di,
        sequence=file.sequence,
        previous_sequence=file.previous_sequence,
        created=file.created_at,
        kind=kind,
        # A number that carries nothing stands for no file, whatever it was to carry.
        original="" if kind == FileKind.VOID else file.original_name or "",
    )
