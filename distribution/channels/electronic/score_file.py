"""Score files as bytes: D records of many files in one pass, then header, trailer and control per file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from distribution.channels.electronic import details
from distribution.channels.electronic.record_layout import (
    Control,
    Field,
    FieldType,
    Layout,
    LayoutKind,
    RecordKind,
)

NEWLINES = {"crlf": "\r\n", "lf": "\n"}
ENCODINGS = ("utf-8", "latin-1", "ascii")
_NEEDS_QUOTES = '[",\r\n]'


@dataclass(frozen=True, slots=True)
class Form:
    """How one recipient wants its files written."""

    layout: Layout
    encoding: str = "utf-8"
    newline: str = "crlf"
    control: Control = Control.INLINE

    @property
    def line_end(self) -> str:
        return NEWLINES[self.newline]

    @property
    def is_inline(self) -> bool:
        """True when H and T stand in the data file."""
        return self.control is not Control.SIDECAR

    @property
    def has_sidecar(self) -> bool:
        return self.control is not Control.INLINE


@dataclass(frozen=True, slots=True)
class Header:
    """What H says of a file; `previous_sequence` 0 = the first file, `created` is aware."""

    di: str
    sequence: int
    previous_sequence: int
    created: datetime
    kind: str
    original: str = ""


@dataclass(frozen=True, slots=True)
class DetailLines:
    """The D records of many deliveries, encoded one behind the other, in the order of their frame.

    Line i is `text[starts[i]:starts[i + 1]]`; `scores[i]` is the sum of the scores before line i.
    `too_long` and `transliterated` say for each line whether a value does not fit or was spelled out.
    """

    text: memoryview
    starts: np.ndarray
    scores: np.ndarray
    too_long: np.ndarray
    transliterated: np.ndarray

    def __len__(self) -> int:
        return len(self.too_long)


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """A finished file: its bytes, its sidecar's where it has one, and what the ledger keeps of them."""

    data: bytes
    sidecar: bytes | None
    details: int
    score_total: int
    sha256: str
    sidecar_sha256: str | None


def format_details(contents: pd.DataFrame, form: Form) -> DetailLines:
    """The D records of deliveries of any number of files, whole columns at a time.

    `contents`: as `ledger.deliveries.contents` gives them. Values longer than their field are marked in
    `too_long` and never cut: leave those rows out before the lines are used.
    """
    values = details.columns_of(contents)
    too_long = np.zeros(len(contents), dtype=bool)
    transliterated = np.zeros(len(contents), dtype=bool)
    cells = []
    for field in _fields(form, RecordKind.DETAIL):
        column, spelled = details.held_by(form.encoding, _column(values, field))
        too_long |= pc.greater(pc.utf8_length(column), field.length).to_numpy(zero_copy_only=False)
        transliterated |= spelled
        cells.append(
            _padded(column, field) if form.layout.kind is LayoutKind.FIXED else _quoted(column, field)
        )
    text, starts = _encoded(_joined(cells, form), form.encoding)
    return DetailLines(text, starts, _running_total(values), too_long, transliterated)


def compose(
    header: Header, lines: DetailLines, form: Form, *, start: int = 0, stop: int | None = None
) -> ScoreFile:
    """One file from the lines `start` up to `stop`: the same arguments give the same bytes."""
    stop = len(lines) if stop is None else stop
    body = lines.text[int(lines.starts[start]) : int(lines.starts[stop])]
    count, total = stop - start, int(lines.scores[stop] - lines.scores[start])
    head = _header_values(header, form.layout)
    opening = _opening(head, form)
    digest = hashlib.sha256(opening)
    digest.update(body)
    closing = b""
    if form.is_inline:
        closing = _line(form, RecordKind.TRAILER, _trailer_values(count, total, digest.hexdigest()))
        digest.update(closing)
    whole = digest.hexdigest()
    sidecar = _sidecar(head, count, total, whole) if form.has_sidecar else None
    return ScoreFile(
        data=b"".join((opening, body, closing)),
        sidecar=sidecar,
        details=count,
        score_total=total,
        sha256=whole,
        sidecar_sha256=hashlib.sha256(sidecar).hexdigest() if sidecar is not None else None,
    )


def _fields(form: Form, letter: RecordKind) -> tuple[Field, ...]:
    """The fields of a record as they stand in the file: csv rows without control carry no `record` cell."""
    fields = form.layout.records[letter]
    return fields[1:] if form.layout.kind is LayoutKind.CSV and not form.is_inline else fields


def _column(values: pa.Table, field: Field) -> pa.Array:
    if field.name in ("record", "filler"):
        text = RecordKind.DETAIL.value if field.name == "record" else ""
        return pa.array(np.full(values.num_rows, text, dtype=object), pa.large_string())
    column = values.column(field.name).combine_chunks()
    return column.cast(pa.large_string())


def _padded(column: pa.Array, field: Field) -> pa.Array:
    if field.type is not FieldType.NUMBER:
        return pc.utf8_rpad(column, field.length, " ")
    # An absent number is blank, never zeros.
    return pc.if_else(
        pc.equal(column, ""),
        _text(" " * field.length),
        pc.utf8_lpad(column, field.length, "0"),
    )


def _text(text: str) -> pa.Scalar:
    # Kernels join texts of one type only, and the columns are large strings.
    return pa.scalar(text, pa.large_string())


def _quoted(column: pa.Array, field: Field) -> pa.Array:
    if field.type is not FieldType.TEXT:
        return column
    needy = pc.match_substring_regex(column, _NEEDS_QUOTES)
    if not pc.any(needy).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(needy, pc.binary_join_element_wise(_text('"'), doubled, _text('"'), _text("")), column)


def _joined(cells: list[pa.Array], form: Form) -> pa.Array:
    """The cells of each row as one line, its newline included."""
    end = _text(form.line_end)
    if form.layout.kind is LayoutKind.FIXED:
        return pc.binary_join_element_wise(*cells, end, _text(""))
    *most, last = cells
    last = pc.binary_join_element_wise(last, end, _text(""))
    return pc.binary_join_element_wise(*most, last, _text(","))


def _encoded(lines: pa.Array, encoding: str) -> tuple[memoryview, np.ndarray]:
    """All lines as one run of bytes, and where each begins; the last entry is the end."""
    if not len(lines):
        return memoryview(b""), np.zeros(1, dtype=np.int64)
    _, offsets, text = lines.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64, count=len(lines) + 1)
    if encoding != "latin-1":
        return memoryview(text), starts
    # One byte a character: the texts hold nothing above U+00FF any more.
    whole = bytes(memoryview(text)[: int(starts[-1])]).decode("utf-8").encode("latin-1")
    lengths = pc.utf8_length(lines).to_numpy(zero_copy_only=False)
    return memoryview(whole), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _running_total(values: pa.Table) -> np.ndarray:
    scores = values.column("scaled_score").combine_chunks()
    numbers = pc.cast(pc.if_else(pc.equal(scores, ""), "0", scores), pa.int64())
    return np.concatenate(([0], np.cumsum(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)))


def _header_values(header: Header, layout: Layout) -> dict[str, str]:
    return {
        "record": RecordKind.HEADER.value,
        "layout": layout.layout,
        "version": str(layout.version),
        "di": header.di,
        "sequence": str(header.sequence),
        "previous_sequence": str(header.previous_sequence) if header.previous_sequence else "",
        "created": header.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": header.kind,
        "original": header.original,
    }


def _trailer_values(count: int, total: int, sha256: str) -> dict[str, str]:
    return {
        "record": RecordKind.TRAILER.value,
        "details": str(count),
        "score_total": str(total),
        "sha256": sha256,
    }


def _opening(head: Mapping[str, str], form: Form) -> bytes:
    """What stands before the first D record: H, the row of column names, or nothing."""
    if form.is_inline:
        return _line(form, RecordKind.HEADER, head)
    if form.layout.kind is LayoutKind.FIXED:
        return b""
    names = ",".join(field.name for field in _fields(form, RecordKind.DETAIL))
    return (names + form.line_end).encode("ascii")


def _line(form: Form, letter: RecordKind, values: Mapping[str, str]) -> bytes:
    cells = []
    for field in _fields(form, letter):
        value = values.get(field.name, "")
        if form.layout.kind is LayoutKind.FIXED:
            is_number = field.type is FieldType.NUMBER and value
            value = value.rjust(field.length, "0") if is_number else value.ljust(field.length)
        cells.append(value)
    joint = "" if form.layout.kind is LayoutKind.FIXED else ","
    return (joint.join(cells) + form.line_end).encode("ascii")


def _sidecar(head: Mapping[str, str], count: int, total: int, sha256: str) -> bytes:
    """All that H and T say, as JSON; the hash is of the whole data file."""
    document = {
        "layout": head["layout"],
        "version": int(head["version"]),
        "di": head["di"],
        "sequence": int(head["sequence"]),
        "previous_sequence": int(head["previous_sequence"]) if head["previous_sequence"] else None,
        "created": head["created"],
        "kind": head["kind"],
        "original": head["original"] or None,
        "details": count,
        "score_total": total,
        "sha256": sha256,
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")
