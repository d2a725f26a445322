"""A layout's specification for people: Markdown, HTML and CSV from the same data, and what sets two apart."""

import csv
import html
import io
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from distribution.channels.electronic.record_layout import (
    SEQUENCE_EXTENSION,
    Control,
    Field,
    Layout,
    LayoutKind,
    RecordKind,
)

_CODE = re.compile(r"`([^`]+)`")
_COLUMNS = ("field", "start", "length", "type", "format", "what it says")
_CSV_COLUMNS = ("record", "name", "start", "length", "type", "format", "times", "group_length", "description")


def markdown(layout: Layout) -> str:
    """The layout as a Markdown page."""
    lines = [f"# {_title(layout)}", "", *_between(_preamble(layout), "")]
    for letter, fields in layout.records.items():
        lines += ["", f"## {_heading(layout, letter)}", "", *tables(fields)]
    return "\n".join(lines) + "\n"


def tables(fields: tuple[Field, ...]) -> list[str]:
    """The fields of one record as the lines of a Markdown table."""
    head = [f"| {' | '.join(_COLUMNS)} |", "|" + "---|" * len(_COLUMNS)]
    return head + ["| " + " | ".join(_cells(field, code="`{}`".format)) + " |" for field in fields]


def page(layout: Layout) -> str:
    """The layout as one HTML page that needs nothing beside it."""
    lines = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(_title(layout))}</title>",
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.25rem .5rem;"
        "text-align:left;vertical-align:top}</style></head><body>",
        f"<h1>{html.escape(_title(layout))}</h1>",
        *map(_paragraph, _preamble(layout)),
    ]
    for letter, fields in layout.records.items():
        lines.append(f"<h2>{html.escape(_heading(layout, letter))}</h2><table><thead><tr>")
        lines.append("".join(f'<th scope="col">{name}</th>' for name in _COLUMNS) + "</tr></thead><tbody>")
        lines += [
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(field)) + "</tr>"
            for field in fields
        ]
        lines.append("</tbody></table>")
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _paragraph(text: str) -> str:
    return "<p>" + _CODE.sub(r"<code>\1</code>", html.escape(text)) + "</p>"


def table(layout: Layout) -> str:
    """The layout as CSV, one row per field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_CSV_COLUMNS)
    for letter, fields in layout.records.items():
        for field in fields:
            row = (letter.value, field.name, field.start or "", field.length, field.type.value, field.format)
            group = (field.repeat.times, field.repeat.length) if field.repeat else ("", "")
            writer.writerow((*row, *group, field.description))
    return text.getvalue()


def differences(one: Layout, other: Layout) -> list[dict[str, Any]]:
    """What sets two layouts apart: record, field, what, then the value in each; None = not there."""
    found = [
        _difference("", "", what, getattr(one, what), getattr(other, what))
        for what in ("layout", "version", "kind", "extension", "control", "record_length", "pgp")
        if getattr(one, what) != getattr(other, what)
    ]
    for letter in RecordKind:
        found += _of_record(letter, one.records[letter], other.records[letter])
    return found


def _of_record(
    letter: RecordKind, one: tuple[Field, ...], other: tuple[Field, ...]
) -> Iterator[dict[str, Any]]:
    mine, theirs = {field.name: field for field in one}, {field.name: field for field in other}
    for name in [*mine, *(name for name in theirs if name not in mine)]:
        if name not in mine or name not in theirs:
            yield _difference(letter, name, "field", _there(name in mine), _there(name in theirs))
            continue
        for what in ("start", "length", "type", "format", "description", "repeat"):
            left, right = getattr(mine[name], what), getattr(theirs[name], what)
            if left != right:
                yield _difference(letter, name, what, left, right)


def _there(is_there: bool) -> str | None:
    return "there" if is_there else None


def _difference(record: str, field: str, what: str, one: Any, other: Any) -> dict[str, Any]:
    return {"record": str(record), "field": field, "what": what, "one": _plain(one), "other": _plain(other)}


def _plain(value: Any) -> Any:
    if hasattr(value, "times"):
        return asdict(value)
    return value if value is None or isinstance(value, int | bool) else str(value)


def _title(layout: Layout) -> str:
    return f"Layout {layout.layout}, version {layout.version}"


def _heading(layout: Layout, letter: RecordKind) -> str:
    return {
        RecordKind.HEADER: "H: header",
        RecordKind.DETAIL: "D: one record per score" if layout.slots == 1 else "D: one record per student",
        RecordKind.TRAILER: "T: trailer",
    }[letter]


def _cells(field: Field, *, code: Any = str) -> list[str]:
    start = "" if field.start is None else str(field.start)
    if field.repeat is not None:
        places = f"{field.repeat.times} times, every {field.repeat.length}"
        start = f"{start} ({places})" if start else places
    return [code(field.name), start, str(field.length), field.type.value, field.format, field.description]


def _between(texts: list[str], joint: str) -> list[str]:
    return [line for text in texts for line in (text, joint)][:-1]


def _preamble(layout: Layout) -> list[str]:
    return [*_form(layout), *_control(layout), *_repeats(layout), _WINS]


_WINS = "The record with the highest `revision` of a `result_id` wins: loading a file twice changes nothing."


def _form(layout: Layout) -> Iterator[str]:
    extension = (
        "The extension is the last three digits of the file's number"
        if layout.extension == SEQUENCE_EXTENSION
        else f"File extension `{layout.extension}`"
    )
    if layout.kind is LayoutKind.FIXED:
        yield (
            f"{extension}. Every record is {layout.record_length} characters and a newline; positions count "
            "characters, not bytes. Numbers are right-aligned with zeros, text is left-aligned with blanks; "
            "a value that is absent is blank, also for numbers."
        )
    else:
        yield f"{extension}, comma-separated (RFC 4180). An absent value is an empty cell."
    if layout.pgp:
        yield "Files of this layout are always encrypted with OpenPGP; what follows is what you decrypt."


def _control(layout: Layout) -> Iterator[str]:
    beside = "in a file `CTL_<DI>_<YYYYMMDD>_<SEQ6>.json` that follows the data file"
    inside = "as first and last record of the data file"
    default = inside if layout.control is Control.INLINE else beside
    yield f"Unless you ask for another way, H and T stand {default}."
    if layout.kind is LayoutKind.CSV:
        yield (
            "With the control beside it the data file begins with a row of the D field names and has no "
            "`record` column. With control inside it there is no such row and the first cell is H, D or T."
        )
    elif layout.control is not Control.INLINE:
        yield "The data file then holds D records only: no header row, one record width."


def _repeats(layout: Layout) -> Iterator[str]:
    if layout.slots == 1:
        return
    group = next(field.repeat for field in layout.records[RecordKind.DETAIL] if field.repeat)
    unit = "characters" if layout.kind is LayoutKind.FIXED else "cells"
    yield (
        f"A D record holds up to {group.times} results: the fields marked so repeat as one group, each "
        f"{group.length} {unit} after the one before (`repeat` in the JSON: times, length). Unused groups "
        "are blank. A student with more results has several records, and so has one whose results do not "
        "agree on the student. `details` counts records, `results` the groups in use."
    )
