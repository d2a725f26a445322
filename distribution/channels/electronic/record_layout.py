"""Record layouts as data: what stands where in an electronic file, read from `layouts/*.yaml`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from distribution.errors import PermanentError, UsageError

_FOLDER = "channels/electronic/layouts"


class RecordKind(StrEnum):
    HEADER = "H"
    DETAIL = "D"
    TRAILER = "T"


class LayoutKind(StrEnum):
    FIXED = "fixed"
    CSV = "csv"


class Control(StrEnum):
    """Where header and trailer stand: in the data file, in a file of their own beside it, or in both."""

    INLINE = "inline"
    SIDECAR = "sidecar"
    BOTH = "both"


class FieldType(StrEnum):
    """Numbers are right-aligned with zeros in fixed layouts; everything else is left-aligned text."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"


class LayoutFault(PermanentError):
    """A layout file contradicts itself."""

    code = "layout"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record; `start` counts characters from 1 and is None in csv layouts."""

    name: str
    start: int | None
    length: int
    type: FieldType
    format: str
    description: str


@dataclass(frozen=True, slots=True)
class Layout:
    """One version of one layout. `record_length` counts characters; None in csv layouts."""

    layout: str
    version: int
    kind: LayoutKind
    extension: str
    control: Control
    record_length: int | None
    records: Mapping[RecordKind, tuple[Field, ...]]


def names() -> tuple[str, ...]:
    """The layouts on file, by name."""
    folder = resources.files("distribution").joinpath(_FOLDER)
    return tuple(
        sorted(entry.name[: -len(".yaml")] for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


@cache
def load(name: str) -> Layout:
    """The layout of that name. Raises UsageError for a name that is not on file."""
    if name not in names():
        raise UsageError(f"There is no layout {name!r}; there are {', '.join(names())}.")
    text = resources.files("distribution").joinpath(f"{_FOLDER}/{name}.yaml").read_text("utf-8")
    return parse(text)


def parse(text: str) -> Layout:
    """A layout from its YAML text. Raises LayoutFault for gaps, overlaps or records of different length."""
    try:
        stated: dict[str, Any] = yaml.safe_load(text)
        kind = LayoutKind(stated["kind"])
        layout = Layout(
            layout=stated["layout"],
            version=int(stated["version"]),
            kind=kind,
            extension=stated["extension"],
            control=Control(stated["control"]),
            record_length=int(stated["record_length"]) if kind is LayoutKind.FIXED else None,
            records={
                letter: tuple(_field(row) for row in stated["records"][letter.value]) for letter in RecordKind
            },
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as exc:
        raise LayoutFault(f"The layout cannot be read: {exc}. Mend its file.") from exc
    _refuse_faults(layout)
    return layout


def _field(row: Mapping[str, Any]) -> Field:
    start = row.get("start")
    return Field(
        name=row["name"],
        start=None if start is None else int(start),
        length=int(row["length"]),
        type=FieldType(row["type"]),
        format=row["format"],
        description=row["description"],
    )


def _refuse_faults(layout: Layout) -> None:
    for letter, fields in layout.records.items():
        listed = [field.name for field in fields]
        if len(set(listed)) != len(listed):
            raise LayoutFault(f"{layout.layout} {letter}: a field name stands twice.")
        if fields[0].name != "record" or fields[0].length != 1:
            raise LayoutFault(f"{layout.layout} {letter}: the first field must be `record`, one character.")
        if layout.kind is LayoutKind.FIXED:
            _refuse_holes(layout, letter, fields)


def _refuse_holes(layout: Layout, letter: RecordKind, fields: tuple[Field, ...]) -> None:
    expected = 1
    for field in fields:
        if field.start != expected:
            fault = "gap" if field.start is None or field.start > expected else "overlap"
            raise LayoutFault(
                f"{layout.layout} {letter}: {fault} before {field.name}: it starts at {field.start}, "
                f"the field before ends at {expected - 1}."
            )
        expected += field.length
    if expected - 1 != layout.record_length:
        raise LayoutFault(
            f"{layout.layout} {letter}: its fields end at {expected - 1}, "
            f"records are {layout.record_length} characters long."
        )


def spec(layout: Layout) -> dict[str, Any]:
    """The layout as the JSON document from which a partner writes a reader (contract section 9)."""
    return {
        "layout": layout.layout,
        "version": layout.version,
        "kind": layout.kind.value,
        "extension": layout.extension,
        "records": {
            letter.value: [{**asdict(field), "type": field.type.value} for field in fields]
            for letter, fields in layout.records.items()
        },
    }


def spec_markdown(layout: Layout) -> str:
    """The layout as a Markdown page for people."""
    lines = [f"# Layout {layout.layout}, version {layout.version}", "", *_preamble(layout)]
    titles = {
        RecordKind.HEADER: "H: header",
        RecordKind.DETAIL: "D: one record per score",
        RecordKind.TRAILER: "T: trailer",
    }
    for letter, fields in layout.records.items():
        lines += ["", f"## {titles[letter]}", ""]
        lines += ["| field | start | length | type | format | what it says |", "|---|---|---|---|---|---|"]
        lines += [
            f"| `{f.name}` | {f.start or ''} | {f.length} | {f.type} | {f.format} | {f.description} |"
            for f in fields
        ]
    return "\n".join(lines) + "\n"


def _preamble(layout: Layout) -> list[str]:
    common = (
        "The record with the highest `revision` of a `result_id` wins: loading a file twice changes nothing."
    )
    if layout.kind is LayoutKind.FIXED:
        return [
            f"File extension `{layout.extension}`. Every record is {layout.record_length} characters and a "
            "newline; positions count characters, not bytes. Numbers are right-aligned with zeros, text "
            "is left-aligned with blanks; a value that is absent is blank, also for numbers.",
            "",
            common,
        ]
    return [
        f"File extension `{layout.extension}`, comma-separated (RFC 4180). With a control file beside it the "
        "data file begins with a row of the D field names and has no `record` column. With control "
        "inside it there is no such row and the first cell is H, D or T. An absent value is an empty cell.",
        "",
        common,
    ]
