"""Two readers as partners write them: from the JSON of `layout spec L --json`, and nothing else of ours.

One is like Banner's load of a tape: one record width, no header row. One is like Slate's import: a delimited
file with one row of names.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

Spec = dict[str, Any]
Record = dict[str, str]


def fixed_width(
    spec: Spec, data: bytes, encoding: str = "utf-8", newline: str = "\r\n"
) -> dict[str, list[Record]]:
    """Every record by its kind, with the line that it stands on; refuses a line of another width or kind."""
    ends = {kind: max(_last(field) for field in fields) for kind, fields in spec["records"].items()}
    assert len(set(ends.values())) == 1, "one record width"
    width = ends["D"]
    found: dict[str, list[Record]] = {"H": [], "D": [], "T": []}
    *lines, rest = data.decode(encoding).split(newline)
    assert rest == "", "the last record ends with a newline"
    for number, line in enumerate(lines):
        assert len(line) == width, "a stray row"
        records = _results(spec["records"][line[0]], line)
        found[line[0]] += [record | {"line": str(number)} for record in records]
    return found


def _last(field: Spec) -> int:
    repeat = field.get("repeat", {"times": 1, "length": 0})
    return int(field["start"] + repeat["length"] * (repeat["times"] - 1) + field["length"] - 1)


def _results(fields: list[Spec], line: str) -> Iterator[Record]:
    """The record, or one for each slot in use of a record with a group that repeats."""
    once = {field["name"]: _cell(line, field, field["start"]) for field in fields if "repeat" not in field}
    group = [field for field in fields if "repeat" in field]
    if not group:
        yield once
    for slot in range(group[0]["repeat"]["times"] if group else 0):
        values = {
            field["name"]: _cell(line, field, field["start"] + slot * field["repeat"]["length"])
            for field in group
        }
        if any(values.values()):
            yield once | values


def _cell(line: str, field: Spec, start: int) -> str:
    cell = line[start - 1 : start - 1 + field["length"]].strip(" ")
    return str(int(cell)) if field["type"] == "number" and cell else cell


def delimited(spec: Spec, data: bytes, encoding: str = "utf-8") -> dict[str, list[Record]]:
    """The rows below the row of names; every row must have as many cells."""
    names = [field["name"] for field in spec["records"]["D"]][1:]
    rows = list(csv.reader(io.StringIO(data.decode(encoding), newline="")))
    assert rows[0] == names, "one header row"
    assert all(len(row) == len(names) for row in rows), "a stray row"
    records = [dict(zip(names, row, strict=True)) for row in rows[1:]]
    return {"H": [], "D": [each | {"line": str(number)} for number, each in enumerate(records)], "T": []}


def delimited_with_control(spec: Spec, data: bytes, encoding: str = "utf-8") -> dict[str, list[Record]]:
    """Rows whose first cell says their kind."""
    found: dict[str, list[Record]] = {"H": [], "D": [], "T": []}
    for number, row in enumerate(csv.reader(io.StringIO(data.decode(encoding), newline=""))):
        names = [field["name"] for field in spec["records"][row[0]]]
        found[row[0]].append(dict(zip(names, row, strict=True)) | {"line": str(number)})
    return found


def totals_agree(
    read: dict[str, list[Record]], data: bytes, sidecar: bytes | None, newline: str = "\r\n"
) -> bool:
    """Counts, sum and hash of the trailer and of the control file, each computed again from the bytes."""
    agree = True
    if read["T"]:
        before = data[: data.rindex((newline + "T").encode()) + len(newline)]
        agree &= _agrees(read["T"][0], read["D"], before)
    if sidecar is not None:
        agree &= _agrees(json.loads(sidecar), read["D"], data)
    return agree


def _agrees(said: Mapping[str, Any], records: list[Record], covered: bytes) -> bool:
    """`details` counts lines; where a line holds several results, `results` counts those."""
    return (
        int(said["details"]) == len({record["line"] for record in records})
        and int(said.get("results", said["details"])) == len(records)
        and int(said["score_total"]) == sum(int(record["scaled_score"] or 0) for record in records)
        and said["sha256"] == hashlib.sha256(covered).hexdigest()
    )


def gaps(headers: list[Record]) -> list[int]:
    """Numbers that are missing, as a partner sees them from the headers of the files it has."""
    have = {int(header["sequence"]) for header in headers}
    named = {int(header["previous_sequence"]) for header in headers if header["previous_sequence"]}
    return sorted({number for number in range(1, max(have)) if number not in have} | (named - have))
