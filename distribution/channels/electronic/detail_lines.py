"""The D records of many deliveries, whole columns at a time: one line per result, or one per student."""

from dataclasses import dataclass

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
_QUOTED_BYTES = (b'"', b",", b"\r", b"\n")


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

    def fields(self, letter: RecordKind) -> tuple[Field, ...]:
        """The fields of a record in the file: csv rows without control carry no `record` cell."""
        fields = self.layout.records[letter]
        return fields[1:] if self.layout.kind is LayoutKind.CSV and not self.is_inline else fields

    def column_names(self) -> list[str]:
        """The header row of a csv file whose control stands beside it."""
        return [field.name for field in self.layout.columns(RecordKind.DETAIL)[1:]]


@dataclass(frozen=True, slots=True)
class DetailLines:
    """The D records of many deliveries, encoded one behind the other, in the order of their frame.

    The lines of deliveries i up to j are `text[starts[i]:starts[j]]`, `counts[j] - counts[i]` of them, and
    `scores[j] - scores[i]` is the sum of their scores; i and j begin and end an institution, whose students
    may share lines. `too_long`, `lost` and `transliterated` say for each delivery whether a value does not
    fit, has a letter for which the encoding has nothing, or was spelled out.
    """

    text: memoryview
    starts: np.ndarray
    counts: np.ndarray
    scores: np.ndarray
    too_long: np.ndarray
    lost: np.ndarray
    transliterated: np.ndarray

    def __len__(self) -> int:
        return len(self.too_long)

    @property
    def unfit(self) -> np.ndarray:
        """Which deliveries must be left out."""
        return self.too_long | self.lost


def format_details(contents: pd.DataFrame, form: Form) -> DetailLines:
    """The D records of deliveries of any number of files.

    `contents`: as `ledger.deliveries.contents` gives them, each institution's deliveries together. Values
    longer than their field are never cut: leave the `unfit` rows out before the lines are used.
    """
    values = details.columns_of(contents)
    too_long = np.zeros(len(contents), dtype=bool)
    lost = np.zeros(len(contents), dtype=bool)
    transliterated = np.zeros(len(contents), dtype=bool)
    cells = []
    for field in form.fields(RecordKind.DETAIL):
        held = details.held_by(form.encoding, _column(values, field))
        column = held.texts
        lengths = pc.utf8_length(column)
        shortest, longest = (length or 0 for length in pc.min_max(lengths).as_py().values())
        if longest > field.length:
            too_long |= pc.greater(lengths, field.length).to_numpy(zero_copy_only=False)
        transliterated |= held.spelled
        lost |= held.lost
        cells.append(_written(column, field, form, shortest=shortest, longest=longest))
    if form.layout.slots > 1:
        seats = _seated(contents, form)
        lines, counts = _shared(cells, form, seats), seats.counts
    else:
        lines, counts = _joined(cells, form), np.arange(len(contents) + 1)
    text, starts = _encoded(lines, form.encoding)
    return DetailLines(text, starts[counts], counts, _running_total(values), too_long, lost, transliterated)


@dataclass(frozen=True, slots=True)
class _Seats:
    """Where each delivery stands in lines of several slots; `counts[i]` lines begin before delivery i."""

    line: np.ndarray
    slot: np.ndarray
    counts: np.ndarray


def _seated(contents: pd.DataFrame, form: Form) -> _Seats:
    """Deliveries to one institution that agree on all that a line says once share a line, up to its slots."""
    shared = [
        field.name
        for field in form.layout.records[RecordKind.DETAIL]
        if field.repeat is None and field.name in contents
    ]
    keys = contents[[*(["recipient"] if "recipient" in contents else []), *shared]]
    students = keys.groupby(list(keys.columns), sort=False)
    student, position = students.ngroup().to_numpy(), students.cumcount().to_numpy()
    lines_each = np.bincount(student) // form.layout.slots + (np.bincount(student) % form.layout.slots > 0)
    first_line = np.concatenate(([0], np.cumsum(lines_each)))
    slot = position % form.layout.slots
    return _Seats(
        line=first_line[student] + position // form.layout.slots,
        slot=slot,
        counts=np.concatenate(([0], np.cumsum(slot == 0))),
    )


def _shared(cells: list[pa.Array], form: Form, seats: _Seats) -> pa.Array:
    """One line per student: the cells said once from its first delivery, then a slot for each delivery."""
    repeats = [field.repeat is not None for field in form.fields(RecordKind.DETAIL)]
    first, last = repeats.index(True), len(repeats) - 1 - repeats[::-1].index(True)
    joint = _text("" if form.layout.kind is LayoutKind.FIXED else ",")
    slots = pc.binary_join_element_wise(*cells[first : last + 1], joint)
    grid = np.full((int(seats.counts[-1]), form.layout.slots), _empty_slot(form), dtype=object)
    grid[seats.line, seats.slot] = slots.to_numpy(zero_copy_only=False)
    opening = np.flatnonzero(seats.slot == 0)
    opening = pa.array(opening[np.argsort(seats.line[opening], kind="stable")])
    columns = [cell.take(opening) for cell in cells[:first]]
    columns += [pa.array(grid[:, slot], pa.large_string()) for slot in range(form.layout.slots)]
    columns += [cell.take(opening) for cell in cells[last + 1 :]]
    return _joined(columns, form)


def _empty_slot(form: Form) -> str:
    repeat = next(f.repeat for f in form.layout.records[RecordKind.DETAIL] if f.repeat is not None)
    return " " * repeat.length if form.layout.kind is LayoutKind.FIXED else "," * (repeat.length - 1)


def _column(values: pa.Table, field: Field) -> pa.Array:
    if field.name in ("record", "filler"):
        text = RecordKind.DETAIL.value if field.name == "record" else ""
        return pa.repeat(_text(text), values.num_rows)
    column = values.column(field.name).combine_chunks()
    return column.cast(pa.large_string())


def _written(column: pa.Array, field: Field, form: Form, *, shortest: int, longest: int) -> pa.Array:
    """The column as it stands in the lines; many are empty or fill their field: no row needs a look."""
    if form.layout.kind is not LayoutKind.FIXED:
        return _quoted(column, field) if longest else column
    if not longest:
        return pa.repeat(_text(" " * field.length), len(column))
    if shortest == field.length:
        return column
    return _padded(column, field, some_are_absent=not shortest)


def _padded(column: pa.Array, field: Field, *, some_are_absent: bool) -> pa.Array:
    if field.type is not FieldType.NUMBER:
        # Counting bytes takes a fourth of the time, where they are the characters.
        pad = pc.ascii_rpad if pc.all(pc.string_is_ascii(column)).as_py() else pc.utf8_rpad
        return pad(column, field.length, " ")
    zeros = pc.ascii_lpad(column, field.length, "0")
    if not some_are_absent:
        return zeros
    # An absent number is blank, never zeros.
    return pc.if_else(pc.equal(column, ""), _text(" " * field.length), zeros)


def _text(text: str) -> pa.Scalar:
    # Kernels join texts of one type only, and the columns are large strings.
    return pa.scalar(text, pa.large_string())


def _quoted(column: pa.Array, field: Field) -> pa.Array:
    if field.type is not FieldType.TEXT or not _some_need_quotes(column):
        return column
    needy = pc.match_substring_regex(column, _NEEDS_QUOTES)
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(needy, pc.binary_join_element_wise(_text('"'), doubled, _text('"'), _text("")), column)


def _some_need_quotes(column: pa.Array) -> bool:
    """A look at all texts in one piece: row by row it is what takes longest in writing csv."""
    _, offsets, texts = column.buffers()
    if not len(column) or texts is None:
        return False
    edges = np.frombuffer(offsets, dtype=np.int64, offset=8 * column.offset, count=len(column) + 1)
    whole = texts.slice(int(edges[0]), int(edges[-1] - edges[0])).to_pybytes()
    return any(mark in whole for mark in _QUOTED_BYTES)


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
