"""Which layout a score file has, by what is stated, its control file, or its first line."""

import json

from distribution.channels.electronic import record_layout
from distribution.channels.electronic.record_layout import Layout, LayoutKind, RecordKind
from distribution.errors import UsageError


def layout_of(text: str, name: str, sidecar: bytes | None, stated: str | None) -> Layout:
    """The layout that is stated, else that of the control file, else the one that the first line tells.

    Raises UsageError when none can be told, or the control file cannot be read.
    """
    if stated:
        return record_layout.load(stated)
    if sidecar is not None:
        return record_layout.load(str(control_of(sidecar).get("layout", "")))
    layouts = [record_layout.load(known) for known in record_layout.names()]
    first = text.split("\n", 1)[0].removesuffix("\r")
    for layout in layouts:
        if text.startswith(f"H,{layout.layout}," if layout.kind is LayoutKind.CSV else f"H{layout.layout} "):
            return layout
    for layout in layouts:
        is_header_row = layout.kind is LayoutKind.CSV and first == ",".join(column_names(layout))
        if is_header_row or (first[:1] == RecordKind.DETAIL and len(first) == layout.record_length):
            return layout
    raise UsageError(f"No layout can be told from {name or 'the file'}. Name it with --layout.")


def column_names(layout: Layout) -> list[str]:
    """The row of column names of a csv file whose control stands beside it."""
    return [field.name for field in layout.columns(RecordKind.DETAIL)[1:]]


def control_of(sidecar: bytes) -> dict[str, object]:
    """What a control file says. Raises UsageError when it is no JSON."""
    try:
        document = json.loads(sidecar)
    except ValueError as exc:
        raise UsageError("The control file beside it is no JSON. Send both files again.") from exc
    return document if isinstance(document, dict) else {}
