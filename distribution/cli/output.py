"""How commands speak: documents and tables on stdout, progress and questions on stderr."""

import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Annotated, Any

import typer

from distribution.errors import UsageError

SCHEMA_VERSION = 1
_GAP = "  "

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Answer yes to every question.")]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; `empty` is the sentence that stands where there is no row.

    Numbers are counts, written 1,248; those under the headings of `names` are typed back in: 1248. On a
    terminal that is too narrow the texts of the column `shortened` end in `…`; elsewhere nothing is cut.
    """

    columns: Sequence[str]
    rows: Iterable[Sequence[object]]
    empty: str
    names: frozenset[str] = frozenset({"id", "line"})
    shortened: str | None = None


def emit(
    document: Mapping[str, Any],
    *,
    as_json: bool,
    lines: Callable[[], Iterable[str]] | None = None,
    table: Table | None = None,
) -> None:
    """Write the document on stdout as JSON, or else its `lines`, then its `table`.

    With neither lines nor table a person reads the JSON too.
    """
    if as_json or (lines is None and table is None):
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))
        return
    for line in lines() if lines else ():
        typer.echo(line)
    for line in table_lines(table) if table else ():
        typer.echo(line)


def _plain(value: object) -> str:
    """Dates, times and paths as their texts."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def list_document(noun_plural: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A whole list as the contract wants it: `{"schema_version": 1, "<noun, plural>": […]}`."""
    return {"schema_version": SCHEMA_VERSION, noun_plural: list(rows)}


def table_lines(table: Table) -> list[str]:
    """The table as aligned text: numbers to the right, everything else to the left."""
    rows = [list(row) for row in table.rows]
    if not rows:
        return [table.empty]
    columns = [
        _column(heading, cells, is_name=heading in table.names)
        for heading, *cells in zip(table.columns, *rows, strict=True)
    ]
    if (width := terminal_width()) is not None and table.shortened:
        at = list(table.columns).index(table.shortened)
        too_wide = sum(_width(cells[0]) for cells in columns) + len(_GAP) * (len(columns) - 1) - width
        columns[at] = _cut(columns[at], too_wide)
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def terminal_width() -> int | None:
    """The columns of the terminal that reads us; None where none does."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _cut(cells: Sequence[str], by: int) -> list[str]:
    """A column made narrower, but not below its heading."""
    width = max(_width(cells[0]) - by, len(cells[0].rstrip()))
    if by <= 0:
        return list(cells)
    return [_padded(_ending(cell.rstrip(), width), width, to_the_right=False) for cell in cells]


def _ending(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    if set(text) == {"-"}:
        return text[:width]
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def folded(text: str, *, first: str = "", indent: int = 0) -> list[str]:
    """A sentence behind `first`, folded to the terminal below itself; one line where no terminal reads."""
    width = terminal_width()
    if width is None:
        return [first + text]
    return textwrap.wrap(
        text,
        width=max(width, indent + 20),
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _column(heading: str, cells: Sequence[object], *, is_name: bool) -> list[str]:
    """Heading, rule and cells of one column, padded to one width."""
    texts = [heading, *(_cell(cell, is_name=is_name) for cell in cells)]
    width = max(map(_width, texts))
    texts.insert(1, "-" * width)
    to_the_right = all(map(_is_number, cells))
    return [_padded(text, width, to_the_right=to_the_right) for text in texts]


def _cell(value: object, *, is_name: bool) -> str:
    if value is None:
        return ""
    return f"{value:,}" if _is_number(value) and not is_name else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _padded(text: str, width: int, *, to_the_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if to_the_right else text + blanks


def _width(text: str) -> int:
    """Columns that a terminal gives the text: names may carry combining marks or wide characters."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def say(text: str) -> None:
    """A line of progress, on stderr."""
    typer.echo(text, err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; return when the answer is yes.

    Raises UsageError when the answer is no, and without a terminal to ask on.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask on: add --yes if you mean it.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was done.")
