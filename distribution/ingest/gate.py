"""The gate for a feed's bytes: strict UTF-8 and strict CSV, checked before any row is looked at."""

import codecs
import re
from dataclasses import dataclass

import numpy as np

from distribution.errors import FeedRefused
from distribution.model import RefusalCode

BOM = b"\xef\xbb\xbf"
_BLOCK = 16 * 1024**2
_QUOTE, _COMMA, _NEWLINE, _RETURN = 0x22, 0x2C, 0x0A, 0x0D


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest feed, line and cell, in bytes."""

    feed_bytes: int = 1024**3
    line_bytes: int = 1024**2
    cell_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a feed's rows stand.

    `header` is the header row's bytes, `body` the offset of the first byte behind it, `lines` the
    physical line (from 1, int64) on which each data row begins; blank lines are no rows.
    """

    header: bytes
    body: int
    lines: np.ndarray


def check(content: bytes, *, limits: Limits) -> Shape:
    """Refuse bytes that are no strict UTF-8 CSV (RFC 4180), else tell where the rows stand.

    Stricter than most readers: a quote inside an unquoted cell is refused too, because readers
    differ in what they make of it. Raises FeedRefused (encoding, nul, bare-cr, quote, row-shape,
    too-large) with the line.
    """
    _refuse_bytes(content)
    start = len(BOM) if content.startswith(BOM) else 0
    rows = _Rows(content, start, limits)
    rows.walk()
    return rows.shape()


def _refuse_bytes(content: bytes) -> None:
    bad = _first_undecodable(content)
    if bad is not None:
        raise _refused(RefusalCode.ENCODING, content, bad, "is not UTF-8", "Write the feed as UTF-8.")
    nul = content.find(b"\0")
    if nul >= 0:
        raise _refused(RefusalCode.NUL, content, nul, "holds a NUL byte", "Write the feed anew without it.")
    if content.count(b"\r") != content.count(b"\r\n"):
        bare = re.search(rb"\r(?!\n)", content)
        raise _refused(
            RefusalCode.BARE_CR,
            content,
            bare.start() if bare else 0,
            "holds a carriage return without a line feed",
            "End lines with LF or CR LF.",
        )


def _first_undecodable(content: bytes) -> int | None:
    """The offset of the first byte that is not UTF-8; in blocks, so that no second copy stands in memory."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    view = memoryview(content)
    for start in range(0, max(len(content), 1), _BLOCK):
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(view[start : start + _BLOCK], final=start + _BLOCK >= len(content))
        except UnicodeDecodeError as exc:
            return start - kept + exc.start
    return None


def _refused(code: RefusalCode, content: bytes, offset: int, what: str, what_to_do: str) -> FeedRefused:
    line = content.count(b"\n", 0, offset) + 1
    return FeedRefused(code, f"Line {line} {what}.", what_to_do=what_to_do, line=line)


class _Rows:
    """One walk over the bytes in blocks; what a block leaves open is carried into the next."""

    def __init__(self, content: bytes, start: int, limits: Limits):
        self._content = content
        self._bytes = np.frombuffer(content, dtype=np.uint8)
        self._start = start
        self._limits = limits
        self._quotes_before = 0
        self._open = np.empty(0, dtype=np.int64)  # separators of the row that a block leaves unfinished
        self._last_end = start - 1  # the newline that ended the row before
        self._next_line = 1
        self._cells: int | None = None
        self._header_end = -1
        self._header_start = start
        self._lines: list[np.ndarray] = []

    def walk(self) -> None:
        for start in range(self._start, len(self._content), _BLOCK):
            self._take(start, min(start + _BLOCK, len(self._content)))
        if self._quotes_before % 2:
            raise self._fault(RefusalCode.QUOTE, self._last_end + 1, "opens a quote that is never closed")
        if len(self._content) > self._last_end + 1:  # the last row has no newline
            end = np.array([len(self._content)], dtype=np.int64)
            self._close_rows(np.concatenate([self._open, end]), ends=np.array([len(self._open)]))

    def shape(self) -> Shape:
        if self._header_end < 0:
            raise FeedRefused(
                RefusalCode.COLUMNS,
                "The feed is empty: it has no header row.",
                what_to_do="Send the header row even where there is no record.",
                line=1,
            )
        header = self._content[self._header_start : self._header_end].rstrip(b"\r")
        lines = np.concatenate(self._lines) if self._lines else np.empty(0, dtype=np.int64)
        return Shape(header, min(self._header_end + 1, len(self._content)), lines)

    def _take(self, start: int, end: int) -> None:
        block = self._bytes[start:end]
        separators = np.flatnonzero((block == _COMMA) | (block == _NEWLINE)) + start
        if self._content.find(b'"', start, end) >= 0:
            quotes = np.flatnonzero(block == _QUOTE) + start
            self._check_quotes(quotes)
            inside = (np.searchsorted(quotes, separators) + self._quotes_before) % 2 == 1
            self._quotes_before += len(quotes)
            separators = separators[~inside]
        elif self._quotes_before % 2:
            separators = separators[:0]
        separators = np.concatenate([self._open, separators])
        self._refuse_endless(end)
        self._close_rows(separators, ends=np.flatnonzero(self._bytes[separators] == _NEWLINE))

    def _check_quotes(self, quotes: np.ndarray) -> None:
        """Every quote must open a cell, close one, or be one of a doubled pair."""
        opening = (np.arange(len(quotes)) + self._quotes_before) % 2 == 0
        before = np.where(quotes > self._start, self._bytes[np.maximum(quotes - 1, 0)], _NEWLINE)
        last = len(self._content) - 1
        after = np.where(quotes < last, self._bytes[np.minimum(quotes + 1, last)], _NEWLINE)
        right = np.where(
            opening,
            (before == _COMMA) | (before == _NEWLINE) | (before == _QUOTE),
            (after == _COMMA) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE),
        )
        if not right.all():
            first = int(np.flatnonzero(~right)[0])
            what = "a quote inside an unquoted cell" if opening[first] else "text after a closing quote"
            raise self._fault(RefusalCode.QUOTE, int(quotes[first]), f"has {what}")

    def _close_rows(self, separators: np.ndarray, *, ends: np.ndarray) -> None:
        if len(ends) == 0:
            self._open = separators
            return
        last = int(ends[-1])
        self._open = separators[last + 1 :]
        stops = separators[ends]
        starts = np.concatenate([[self._last_end + 1], stops[:-1] + 1])
        lines = self._physical_lines(starts, int(stops[-1]))
        blank = self._blank(starts, stops)
        cells = np.diff(np.concatenate([[-1], ends]))
        self._check_sizes(separators[: last + 1], starts, stops, lines)
        first = int(np.argmin(blank)) if self._cells is None and not blank.all() else None
        if first is not None:
            self._cells = int(cells[first])
            self._header_start, self._header_end = int(starts[first]), int(stops[first])
        rows = ~blank
        self._check_cells(cells, rows, lines)
        if first is not None:
            rows[first] = False
        self._lines.append(lines[rows])
        self._last_end = int(stops[-1])

    def _physical_lines(self, starts: np.ndarray, stop: int) -> np.ndarray:
        """The line on which each row begins: the newlines inside quotes count too."""
        here = np.flatnonzero(self._bytes[self._last_end + 1 : stop] == _NEWLINE) + self._last_end + 1
        lines = np.searchsorted(here, starts) + self._next_line
        self._next_line += len(here) + 1
        return lines.astype(np.int64)

    def _blank(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        length = stops - starts
        return (length == 0) | ((length == 1) & (self._bytes[starts] == _RETURN))

    def _check_cells(self, cells: np.ndarray, rows: np.ndarray, lines: np.ndarray) -> None:
        wrong = rows & (cells != self._cells)
        if wrong.any():
            first = int(np.argmax(wrong))
            line = int(lines[first])
            raise FeedRefused(
                RefusalCode.ROW_SHAPE,
                f"Line {line} has {cells[first]} cells, the header row has {self._cells}.",
                what_to_do="Write each row with as many cells as the header row.",
                line=line,
            )

    def _check_sizes(
        self, separators: np.ndarray, starts: np.ndarray, stops: np.ndarray, lines: np.ndarray
    ) -> None:
        returns = (stops > starts) & (self._bytes[stops - 1] == _RETURN)
        too_long = stops - starts - returns > self._limits.line_bytes
        if too_long.any():
            raise self._too_large(int(lines[np.argmax(too_long)]), "is longer", self._limits.line_bytes)
        lengths = np.diff(np.concatenate([[self._last_end], separators])) - 1
        for place in np.flatnonzero(lengths > self._limits.cell_bytes):
            stop = int(separators[place])
            cell = self._content[stop - int(lengths[place]) : stop].rstrip(b"\r")
            if cell.startswith(b'"'):
                cell = cell[1:-1].replace(b'""', b'"')
            if len(cell) > self._limits.cell_bytes:
                line = int(lines[np.searchsorted(stops, stop)])
                raise self._too_large(line, "has a cell longer", self._limits.cell_bytes)

    def _refuse_endless(self, end: int) -> None:
        """A row that a block does not end may already be too long; waiting for its end would cost memory."""
        here = self._content.rfind(b"\n", self._last_end + 1, end)
        if here < 0 and end - self._last_end - 1 > self._limits.line_bytes + 1:
            raise self._too_large(self._next_line, "is longer", self._limits.line_bytes)

    def _too_large(self, line: int, what: str, limit: int) -> FeedRefused:
        return FeedRefused(
            RefusalCode.TOO_LARGE,
            f"Line {line} {what} than {limit:,} bytes.",
            what_to_do="Look for an unclosed quote or a lost line end, or raise the limit in the settings.",
            line=line,
        )

    def _fault(self, code: RefusalCode, offset: int, what: str) -> FeedRefused:
        return _refused(code, self._content, offset, what, "Quote cells as RFC 4180 says, quotes doubled.")
