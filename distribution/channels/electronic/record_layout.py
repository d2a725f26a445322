"""Record layouts as data: what stands where in an electronic file, read from `layouts/*.yaml`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

import yaml

from distribution.errors import PermanentError, UsageError

_FOLDER = "channels/electronic/layouts"
SEQUENCE_EXTENSION = "NNN"  # a layout's extension that stands for the last three digits of the number


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
class Repeat:
    """A group of fields that comes `times` in a row; `length` is the group's, in characters (csv: cells)."""

    times: int
    length: int


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record; `start` counts characters from 1 and is None in csv layouts.

    A field that repeats stands at `start`, `start + repeat.length`, …; its neighbours with the same `repeat`
    are of its group.
    """

    name: str
    start: int | None
    length: int
    type: FieldType
    format: str
    description: str
    repeat: Repeat | None = None

    def occurrences(self) -> "tuple[Field, ...]":
        """The field at each of its places, named `name_1`, `name_2` …; itself where it stands once."""
        if self.repeat is None:
            return (self,)
        return tuple(
            replace(
                self,
                name=f"{self.name}_{slot + 1}",
                start=None if self.start is None else self.start + slot * self.repeat.length,
                repeat=None,
            )
            for slot in range(self.repeat.times)
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """One version of one layout. `record_length` counts characters; None in csv layouts.

    `pgp`: files of this layout are always encrypted.
    """

    layout: str
    version: int
    kind: LayoutKind
    extension: str
    control: Control
    record_length: int | None
    records: Mapping[RecordKind, tuple[Field, ...]]
    pgp: bool = False

    @property
    def slots(self) -> int:
        """How many results one D record holds: 1, or the times that its group repeats."""
        return next((field.repeat.times for field in self.records[RecordKind.DETAIL] if field.repeat), 1)

    def columns(self, letter: RecordKind) -> tuple[Field, ...]:
        """The fields of a record in the order in which they stand, repeated ones at each of their places."""
        return _laid_out(self.records[letter])


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
            pgp=bool(stated.get("pgp", False)),
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
        repeat=Repeat(int(row["repeat"]["times"]), int(row["repeat"]["length"])) if "repeat" in row else None,
    )


def _laid_out(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    placed: list[Field] = []
    for repeat, group in groupby(fields, key=lambda field: field.repeat):
        if repeat is None:
            placed += group
        else:
            placed += [
                field for slot in zip(*(each.occurrences() for each in group), strict=True) for field in slot
            ]
    return tuple(placed)


def _refuse_faults(layout: Layout) -> None:
    for letter, fields in layout.records.items():
        listed = [field.name for field in fields]
        if len(set(listed)) != len(listed):
            raise LayoutFault(f"{layout.layout} {letter}: a field name stands twice.")
        if fields[0].name != "record" or fields[0].length != 1:
            raise LayoutFault(f"{layout.layout} {letter}: the first field must be `record`, one character.")
        _refuse_odd_groups(layout, letter, fields)
        if layout.kind is LayoutKind.FIXED:
            _refuse_holes(layout, letter, fields)


def _refuse_odd_groups(layout: Layout, letter: RecordKind, fields: tuple[Field, ...]) -> None:
    """Only D repeats, one group of it; the group's length is what its fields take."""
    groups = [
        (repeat, list(group)) for repeat, group in groupby(fields, key=lambda field: field.repeat) if repeat
    ]
    if groups and (letter is not RecordKind.DETAIL or len(groups) > 1):
        raise LayoutFault(f"{layout.layout} {letter}: one group of D may repeat, nothing else.")
    for repeat, group in groups:
        length = len(group) if layout.kind is LayoutKind.CSV else sum(field.length for field in group)
        if repeat.length != length or repeat.times < 1:
            raise LayoutFault(f"{layout.layout} {letter}: the group at {group[0].name} is {length} long.")


def _refuse_holes(layout: Layout, letter: RecordKind, fields: tuple[Field, ...]) -> None:
    expected = 1
    for field in _laid_out(fields):
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
            letter.value: [_as_stated(field) for field in fields] for letter, fields in layout.records.items()
        },
    }


def _as_stated(field: Field) -> dict[str, Any]:
    stated = {**asdict(field), "type": field.type.value}
    if field.repeat is None:
        del stated["repeat"]
    return stated
