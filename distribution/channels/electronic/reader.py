"""Read a score file back: what each record says, and every fault with its line and column, never a value."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from distribution.channels.electronic import file_layout
from distribution.channels.electronic.record_layout import (
    Control,
    Field,
    FieldType,
    Layout,
    LayoutKind,
    RecordKind,
)

_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where; both count from 1, `column` counts characters (cells in csv files)."""

    line: int
    column: int
    field: str
    fault: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its kind, its line, its values by field name (blanks cut off)."""

    kind: RecordKind
    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read; `details` counts lines, `results` the results that they carry.

    `is_controlled` False: neither trailer nor control file said how much there should be.
    """

    layout: Layout
    details: int
    results: int
    score_total: int
    faults: tuple[Fault, ...]
    is_controlled: bool = False


def check(
    data: bytes,
    *,
    name: str = "",
    sidecar: bytes | None = None,
    layout: str | None = None,
    encoding: str = "utf-8",
) -> Reading:
    """Check a file against its layout and its control; where no layout is named its records tell it.

    Raises UsageError when no layout can be told.
    """
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        column = exc.start - (data.rfind(b"\n", 0, exc.start) + 1) + 1
        found = file_layout.layout_of(data.decode("latin-1"), name, sidecar, layout)
        return Reading(found, 0, 0, 0, (Fault(line, column, "", f"a byte that is not {encoding}"),))
    found = file_layout.layout_of(text, name, sidecar, layout)
    checker = _Checker(found, has_sidecar=sidecar is not None)
    checker.read(text)
    checker.compare_control(data, sidecar)
    return Reading(
        found,
        checker.details,
        checker.results,
        checker.score_total,
        tuple(checker.faults),
        is_controlled=checker.is_controlled,
    )


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _cut(line: str, field: Field) -> str:
    assert field.start is not None
    return line[field.start - 1 : field.start - 1 + field.length]


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1


def _csv_record(
    line: int, row: list[str], layout: Layout
) -> tuple[RecordKind | None, list[str], tuple[Field, ...]]:
    """The kind, cells and fields of a csv row; kind None for the row of column names."""
    details = layout.columns(RecordKind.DETAIL)
    if line == 1 and row == file_layout.column_names(layout):
        return None, row, ()
    if row and row[0] in tuple(RecordKind) and len(row) == len(layout.columns(RecordKind(row[0]))):
        return RecordKind(row[0]), row, layout.columns(RecordKind(row[0]))
    return RecordKind.DETAIL, row, details[1:]


class _Checker:
    """Collects faults record by record."""

    def __init__(self, layout: Layout, *, has_sidecar: bool):
        self._layout, self._has_sidecar = layout, has_sidecar
        self.faults: list[Fault] = []
        self.details = self.results = self.score_total = 0
        self._header: Record | None = None
        self._trailer: Record | None = None

    @property
    def is_controlled(self) -> bool:
        return self._has_sidecar or self._trailer is not None

    def read(self, text: str) -> None:
        self._check_end(text)
        if self._layout.kind is LayoutKind.FIXED:
            self._read_fixed(text)
        else:
            self._read_csv(text)
        self._check_order()

    def _say(self, line: int, column: int, field: str, fault: str) -> None:
        self.faults.append(Fault(line, column, field, fault))

    def _check_end(self, text: str) -> None:
        if text and not text.endswith("\n"):
            lines = _lines(text)
            self._say(len(lines), len(lines[-1]) + 1, "", "the last line has no end: the file may be cut off")

    def _read_fixed(self, text: str) -> None:
        length = self._layout.record_length or 0
        for number, line in enumerate(_lines(text), start=1):
            if line[:1] not in tuple(RecordKind):
                self._say(number, 1, "record", "the first character must be H, D or T")
                continue
            if len(line) != length:
                self._say(
                    number, min(len(line), length) + 1, "", f"{len(line)} characters instead of {length}"
                )
                continue
            kind = RecordKind(line[0])
            fields = self._layout.columns(kind)
            for field in fields:
                self._check_padding(number, field, _cut(line, field))
            self._take(Record(kind, number, {f.name: _cut(line, f).strip() for f in fields}))

    def _read_csv(self, text: str) -> None:
        for number, row in _rows(text):
            kind, cells, fields = _csv_record(number, row, self._layout)
            if kind is None:
                continue
            if len(cells) != len(fields):
                self._say(
                    number,
                    min(len(cells), len(fields)) + 1,
                    "",
                    f"{len(cells)} cells instead of {len(fields)}",
                )
                continue
            for column, (field, cell) in enumerate(zip(fields, cells, strict=True), start=1):
                if len(cell) > field.length:
                    self._say(number, column, field.name, f"longer than {field.length} characters")
            self._take(Record(kind, number, {f.name: cell for f, cell in zip(fields, cells, strict=True)}))

    def _check_padding(self, line: int, field: Field, cell: str) -> None:
        column = field.start or 1
        if field.type is FieldType.NUMBER:
            if cell.strip() and not _DIGITS.fullmatch(cell):
                self._say(line, column, field.name, "a number must be digits with zeros before it, or blank")
        elif cell[:1] == " " and cell.strip():
            self._say(line, column, field.name, "text must begin at the left")

    def _take(self, record: Record) -> None:
        for position, field in enumerate(self._layout.columns(record.kind), start=1):
            value = record.values.get(field.name, "")
            if value and (fault := _fault_of(field, value)):
                self._say(record.line, field.start or position, field.name, fault)
        if record.kind is RecordKind.DETAIL:
            self._take_detail(record)
        elif record.kind is RecordKind.HEADER:
            self._header = self._once(record, self._header)
        else:
            self._trailer = self._once(record, self._trailer)

    def _take_detail(self, record: Record) -> None:
        self.details += 1
        columns = {f.name: f.start or at for at, f in enumerate(self._layout.columns(record.kind), 1)}
        for mark in self._slots(record):
            self.results += 1
            action, score = (record.values.get(name + mark, "") for name in ("action", "scaled_score"))
            self.score_total += int(score) if _DIGITS.fullmatch(score) else 0
            if action not in ("N", "C", "X"):
                self._say(record.line, columns["action" + mark], "action" + mark, "must be N, C or X")
            if action == "X" and score:
                self._say(
                    record.line, columns["action" + mark], "action" + mark, "an X record carries no score"
                )
        if self._trailer is not None:
            self._say(record.line, 1, "record", "a record after the trailer")

    def _slots(self, record: Record) -> list[str]:
        """What the names of a result's fields end with: nothing, or `_1`, `_2` … of the slots in use."""
        if self._layout.slots == 1:
            return [""]
        slots = range(1, self._layout.slots + 1)
        return [f"_{slot}" for slot in slots if record.values.get(f"result_id_{slot}")] or ["_1"]

    def _once(self, record: Record, known: Record | None) -> Record:
        if known is not None:
            self._say(record.line, 1, "record", f"a second {record.kind} record")
        return known or record

    def _check_order(self) -> None:
        is_bare = self._header is None and self._trailer is None
        if is_bare and (self._has_sidecar or self._may_stand_bare()):
            return
        if self._header is None or self._header.line != 1:
            self._say(1, 1, "record", "the first record must be H")
        if self._trailer is None:
            self._say(self.details + 1, 1, "record", "the trailer T is missing: the file may be cut off")

    def _may_stand_bare(self) -> bool:
        """True where the layout's control stands beside the file, or its first line names the columns."""
        return self._layout.control is Control.SIDECAR or self._layout.kind is LayoutKind.CSV

    def compare_control(self, data: bytes, sidecar: bytes | None) -> None:
        if self._trailer is not None:
            before = _before_line(data, self._trailer.line)
            self._compare(self._trailer.line, self._trailer.values, hashlib.sha256(before).hexdigest())
        if sidecar is not None:
            stated = {key: str(value) for key, value in file_layout.control_of(sidecar).items()}
            self._compare(0, stated, hashlib.sha256(data).hexdigest())

    def _compare(self, line: int, stated: Mapping[str, str], sha256: str) -> None:
        where = "the control file" if line == 0 else "the trailer"
        fields = {field.name: field for field in self._layout.records[RecordKind.TRAILER]}
        counts = {"details": self.details, "score_total": self.score_total, "results": self.results}
        for name, counted in ((name, counts[name]) for name in fields if name in counts):
            value = stated.get(name, "")
            if not _DIGITS.fullmatch(value) or int(value) != counted:
                self._say(
                    line, fields[name].start or 1, name, f"{where} says another number than the records"
                )
        if stated.get("sha256") != sha256:
            self._say(line, fields["sha256"].start or 1, "sha256", f"{where} is of other bytes")


def _before_line(data: bytes, line: int) -> bytes:
    position = 0
    for _ in range(line - 1):
        position = data.index(b"\n", position) + 1
    return data[:position]


def _fault_of(field: Field, value: str) -> str | None:
    if field.type is FieldType.NUMBER and not _DIGITS.fullmatch(value):
        return "must be digits"
    try:
        if field.type is FieldType.DATE:
            date.fromisoformat(value)
        if field.type is FieldType.TIME:
            datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007  # the Z is checked as a letter
    except ValueError:
        return f"must be {field.format}"
    return None
