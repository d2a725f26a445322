"""Layouts for people: listed, specified, sampled, and files checked against them."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distribution.channels.electronic import reader, record_layout, sample, specification
from distribution.errors import UsageError

_CONTROL_NAME = re.compile(r"(TEST_)?CTL_([A-Za-z0-9]{4,6})_([0-9]{8})_([0-9]{6})\.json")


def list_layouts() -> list[dict[str, Any]]:
    """Each layout: layout, version, kind, extension, control (its default)."""
    layouts = [record_layout.load(name) for name in record_layout.names()]
    return [
        {
            "layout": each.layout,
            "version": each.version,
            "kind": each.kind.value,
            "extension": each.extension,
            "control": each.control.value,
        }
        for each in layouts
    ]


def spec(name: str) -> dict[str, Any]:
    """The layout's specification as a document."""
    return record_layout.spec(record_layout.load(name))


def spec_text(name: str, form: str) -> str:
    """The layout's specification as text: `markdown`, `html` or `csv`. Raises UsageError for another form."""
    writers = {"markdown": specification.markdown, "html": specification.page, "csv": specification.table}
    if form not in writers:
        raise UsageError(f"There is no form {form!r}; there are {', '.join(writers)}, and --json.")
    return writers[form](record_layout.load(name))


def sample_bytes(name: str, *, sidecar: bool = False) -> bytes:
    """A data file of the layout with invented people, or its control file."""
    made = sample.sample(record_layout.load(name))
    if not sidecar:
        return made.data
    if made.sidecar is None:
        raise UsageError(f"{name} carries its control inside the data file.")
    return made.sidecar


def diff(one: str, other: str) -> dict[str, Any]:
    """What sets two layouts apart, as a document."""
    differences = specification.differences(record_layout.load(one), record_layout.load(other))
    return {"schema_version": 1, "layouts": [one, other], "differences": differences}


def check_file(
    path: Path, *, layout: str | None, encoding: str, control: Path | None = None
) -> dict[str, Any]:
    """The faults of a file as a document; its control file is compared too: `control`, or the one beside it.

    `control_checked` False: nothing said how many records there should be, so a cut may go unseen. Raises
    UsageError when a file cannot be read or no layout can be told.
    """
    beside = control or _control_beside(path)
    reading = reader.check(
        _read(path),
        name=path.name,
        sidecar=_read(beside) if beside else None,
        layout=layout,
        encoding=encoding,
    )
    return {
        "schema_version": 1,
        "file": path.name,
        "control": beside.name if beside else None,
        "control_checked": reading.is_controlled,
        "layout": reading.layout.layout,
        "details": reading.details,
        "results": reading.results,
        "score_total": reading.score_total,
        "faults": [asdict(fault) for fault in reading.faults],
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc


def _control_beside(path: Path) -> Path | None:
    """The one control file in the folder whose institution and number the file bears, or None."""
    found = [each for each in path.parent.glob("*CTL_*.json") if _belongs(each.name, path.name)]
    return found[0] if len(found) == 1 else None


def _belongs(control: str, file: str) -> bool:
    """Whatever pattern was agreed, a file's name holds {di} and {seq}, or {di}, {date} and {seq3}."""
    match = _CONTROL_NAME.fullmatch(control)
    if match is None:
        return False
    test, di, day, sequence = match.groups()
    if file.startswith("TEST_") != bool(test) or di not in file:
        return False
    rest = file.replace(day, " ", 1).replace(di, " ", 1)
    numbers = rf"0*{int(sequence)}|{sequence[-3:]}" if day in file else rf"0*{int(sequence)}"
    return re.search(rf"(?<!\d)({numbers})(?!\d)", rest) is not None
