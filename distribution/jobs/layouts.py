"""Layouts for people: listed, specified, sampled, and files checked against them."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distribution.channels.electronic import reader, record_layout, sample
from distribution.errors import UsageError

_DATA_NAME = re.compile(r"[A-Z]+_([A-Z0-9]{4,6})_([0-9]{8})_([0-9]{6})\.[a-z]+")


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


def spec_markdown(name: str) -> str:
    """The layout's specification as a page."""
    return record_layout.spec_markdown(record_layout.load(name))


def sample_bytes(name: str) -> bytes:
    """A data file of the layout with invented people."""
    return sample.sample(record_layout.load(name)).data


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
        "score_total": reading.score_total,
        "faults": [asdict(fault) for fault in reading.faults],
    }


def _sidecar_beside(path: Path) -> bytes | None:
    match = _DATA_NAME.fullmatch(path.name)
    if match is None:
        return None
    beside = path.with_name(f"CTL_{match[1]}_{match[2]}_{match[3]}.json")
    return beside.read_bytes() if beside.exists() else None
