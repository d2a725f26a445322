"""Layouts for people: listed, specified, sampled, and files checked against them."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distribution.channels.electronic import reader, record_layout, sample, specification
from distribution.errors import UsageError

_DATA_NAME = re.compile(r"([A-Z]+)_([A-Z0-9]{4,6})_([0-9]{8})_([0-9]{6})\.[a-z0-9]+")


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


def check_file(path: Path, *, layout: str | None, encoding: str) -> dict[str, Any]:
    """The faults of a file as a document; a control file beside it is compared too.

    Raises UsageError when the file cannot be read or no layout can be told.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc
    reading = reader.check(
        data, name=path.name, sidecar=_sidecar_beside(path), layout=layout, encoding=encoding
    )
    return {
        "schema_version": 1,
        "file": path.name,
        "layout": reading.layout.layout,
        "details": reading.details,
        "results": reading.results,
        "score_total": reading.score_total,
        "faults": [asdict(fault) for fault in reading.faults],
    }


def _sidecar_beside(path: Path) -> bytes | None:
    match = _DATA_NAME.fullmatch(path.name)
    if match is None:
        return None
    prefix, *rest = match.groups()
    mark = "TEST_" if prefix == "TEST" else ""
    beside = path.with_name(f"{mark}CTL_{'_'.join(rest)}.json")
    return beside.read_bytes() if beside.exists() else None
