"""Score files as bytes: a slice of many lines, its header, its trailer, and its control beside it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from distribution.channels.electronic.detail_lines import (
    ENCODINGS,
    NEWLINES,
    DetailLines,
    Form,
    format_details,
)
from distribution.channels.electronic.record_layout import FieldType, Layout, LayoutKind, RecordKind

__all__ = ["ENCODINGS", "NEWLINES", "DetailLines", "Form", "Header", "ScoreFile", "compose", "format_details"]


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
class ScoreFile:
    """A finished file: its bytes, its sidecar's where it has one, and what the ledger keeps of them.

    `data` are the bytes that leave, encrypted where they are; `plain_sha256` is of the bytes that a loader
    reads. `details` counts deliveries: lines, or filled slots; `transliterated` those of them with a text
    that was spelled out for the sake of the encoding.
    """

    data: bytes
    sidecar: bytes | None
    details: int
    score_total: int
    sha256: str
    plain_sha256: str
    sidecar_sha256: str | None
    transliterated: int = 0


def compose(
    header: Header,
    lines: DetailLines,
    form: Form,
    *,
    start: int = 0,
    stop: int | None = None,
    seal: Callable[[bytes], bytes] | None = None,
) -> ScoreFile:
    """One file from the deliveries `start` up to `stop`: the same arguments give the same bytes.

    `seal` encrypts the finished file; raises what it raises.
    """
    stop = len(lines) if stop is None else stop
    body = lines.text[int(lines.starts[start]) : int(lines.starts[stop])]
    head = _header_values(header, form.layout)
    counted: dict[str, Any] = {
        "details": int(lines.counts[stop] - lines.counts[start]),
        "score_total": int(lines.scores[stop] - lines.scores[start]),
        "results": stop - start,
    }
    opening = _opening(head, form)
    digest = hashlib.sha256(opening)
    digest.update(body)
    closing = b""
    if form.is_inline:
        closing = _line(form, RecordKind.TRAILER, _trailer_values(counted, digest.hexdigest()))
        digest.update(closing)
    plain, plain_sha256 = b"".join((opening, body, closing)), digest.hexdigest()
    data = seal(plain) if seal is not None else plain
    sha256 = hashlib.sha256(data).hexdigest() if seal is not None else plain_sha256
    sidecar = None
    if form.has_sidecar:
        hashes = {"sha256": plain_sha256, **({"encrypted_sha256": sha256} if seal is not None else {})}
        sidecar = _sidecar(head, counted, form.layout, hashes)
    return ScoreFile(
        data=data,
        sidecar=sidecar,
        details=stop - start,
        score_total=counted["score_total"],
        sha256=sha256,
        plain_sha256=plain_sha256,
        sidecar_sha256=hashlib.sha256(sidecar).hexdigest() if sidecar is not None else None,
        transliterated=int(lines.transliterated[start:stop].sum()),
    )


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


def _trailer_values(counted: Mapping[str, Any], sha256: str) -> dict[str, str]:
    return {
        "record": RecordKind.TRAILER.value,
        "sha256": sha256,
        **{name: str(number) for name, number in counted.items()},
    }


def _opening(head: Mapping[str, str], form: Form) -> bytes:
    """What stands before the first D record: H, the row of column names, or nothing."""
    if form.is_inline:
        return _line(form, RecordKind.HEADER, head)
    if form.layout.kind is LayoutKind.FIXED:
        return b""
    return (",".join(form.column_names()) + form.line_end).encode("ascii")


def _line(form: Form, letter: RecordKind, values: Mapping[str, str]) -> bytes:
    cells = []
    for field in form.fields(letter):
        value = values.get(field.name, "")
        if form.layout.kind is LayoutKind.FIXED:
            is_number = field.type is FieldType.NUMBER and value
            value = value.rjust(field.length, "0") if is_number else value.ljust(field.length)
        cells.append(value)
    joint = "" if form.layout.kind is LayoutKind.FIXED else ","
    return (joint.join(cells) + form.line_end).encode("ascii")


def _sidecar(
    head: Mapping[str, str], counted: Mapping[str, Any], layout: Layout, hashes: Mapping[str, str]
) -> bytes:
    """All that H and T say, as JSON; `sha256` is of the whole data file, as a loader reads it."""
    of_trailer = [field.name for field in layout.records[RecordKind.TRAILER] if field.name in counted]
    document = {
        "layout": head["layout"],
        "version": int(head["version"]),
        "di": head["di"],
        "sequence": int(head["sequence"]),
        "previous_sequence": int(head["previous_sequence"]) if head["previous_sequence"] else None,
        "created": head["created"],
        "kind": head["kind"],
        "original": head["original"] or None,
        **{name: counted[name] for name in of_trailer},
        **hashes,
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")
