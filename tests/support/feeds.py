"""Builders of valid feeds: a test names only the cells it is about."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from distribution.filenames import FeedName, control_name
from distribution.model import FeedKind

DAY = date(2026, 11, 22)

COLUMNS: dict[FeedKind, tuple[str, ...]] = {
    FeedKind.RESULTS: (
        "result_id", "revision", "status", "candidate_id", "last_name", "first_name", "middle_name",
        "birth_date", "gender", "exam_code", "test_date", "scored_on", "scaled_score", "funding",
        "voucher_order_id", "attending_code", "recipient_1", "recipient_2", "test_center_code",
    ),
    FeedKind.INSTITUTIONS: (
        "code", "name", "kind", "district_code", "delivery_method", "attention", "address_1", "address_2",
        "city", "state", "postal_code", "country", "status", "successor_code", "time_zone", "valid_from",
    ),
    FeedKind.CONTACTS: ("organization_code", "role", "name", "email", "valid_from", "valid_to"),
    FeedKind.VOUCHER_ORDERS: ("order_id", "organization_code", "ordered_on", "quantity", "status"),
    FeedKind.TRANSCRIPT_REQUESTS: ("request_id", "candidate_id", "recipient", "requested_on"),
}  # fmt: skip


def result_row(**changes: Any) -> dict[str, str]:
    """A scored result of 20 November 2026, sent to the college 4471."""
    row = {
        "result_id": "R-0001",
        "revision": "1",
        "status": "scored",
        "candidate_id": "C-0001",
        "last_name": "Nguyễn",
        "first_name": "Ann",
        "middle_name": "",
        "birth_date": "2008-03-14",
        "gender": "F",
        "exam_code": "FINACC",
        "test_date": "2026-11-20",
        "scored_on": "2026-11-21",
        "scaled_score": "57",
        "funding": "self",
        "voucher_order_id": "",
        "attending_code": "",
        "recipient_1": "4471",
        "recipient_2": "",
        "test_center_code": "0815",
    }
    return _changed(row, changes)


def institution_row(**changes: Any) -> dict[str, str]:
    """The active college 4471 on paper, with a complete address."""
    row = {
        "code": "4471",
        "name": "Example State College",
        "kind": "college",
        "district_code": "",
        "delivery_method": "paper",
        "attention": "Registrar",
        "address_1": "1 College Road",
        "address_2": "",
        "city": "Springfield",
        "state": "IL",
        "postal_code": "62701",
        "country": "US",
        "status": "active",
        "successor_code": "",
        "time_zone": "America/Chicago",
        "valid_from": "2020-01-01",
    }
    return _changed(row, changes)


def school_row(**changes: Any) -> dict[str, str]:
    """The active high school 310001, on the portal."""
    school = {"code": "310001", "name": "Example High School", "kind": "high_school"}
    return institution_row(**{**school, "delivery_method": "portal", **changes})


def district_row(**changes: Any) -> dict[str, str]:
    """The active district 390001, on the portal."""
    district = {"code": "390001", "name": "Example School District", "kind": "district"}
    return institution_row(**{**district, "delivery_method": "portal", **changes})


def contact_row(**changes: Any) -> dict[str, str]:
    """The primary contact of the college 4471."""
    row = {
        "organization_code": "4471",
        "role": "primary",
        "name": "Pat Example",
        "email": "pat@example.org",
        "valid_from": "2020-01-01",
        "valid_to": "",
    }
    return _changed(row, changes)


def order_row(**changes: Any) -> dict[str, str]:
    """A fulfilled order of the college 4471."""
    row = {
        "order_id": "V-0001",
        "organization_code": "4471",
        "ordered_on": "2026-09-01",
        "quantity": "25",
        "status": "fulfilled",
    }
    return _changed(row, changes)


def transcript_row(**changes: Any) -> dict[str, str]:
    """A request of candidate C-0001 for the college 4471."""
    row = {
        "request_id": "T-0001",
        "candidate_id": "C-0001",
        "recipient": "4471",
        "requested_on": "2026-11-22",
    }
    return _changed(row, changes)


def _changed(row: dict[str, str], changes: Mapping[str, Any]) -> dict[str, str]:
    """The row with its changes as text; None leaves the column out of this row (an empty cell)."""
    return {**row, **{name: "" if value is None else str(value) for name, value in changes.items()}}


def csv_bytes(
    kind: FeedKind | str,
    rows: Sequence[Mapping[str, str]],
    *,
    columns: Sequence[str] | None = None,
    newline: str = "\n",
) -> bytes:
    """The rows as the sender writes them; columns that only some rows have are added at the end."""
    names = list(columns or COLUMNS[FeedKind(kind)])
    if columns is None:
        names += [name for name in dict.fromkeys(name for row in rows for name in row) if name not in names]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write_feed(
    folder: Path,
    kind: FeedKind | str,
    rows: Sequence[Mapping[str, str]],
    *,
    day: date = DAY,
    number: int = 1,
    parts: int | None = None,
    columns: Sequence[str] | None = None,
    newline: str = "\n",
    bom: bool = False,
    **control: Any,
) -> Path:
    """Write a feed, then its control file (`control` changes keys of it); returns the feed's path."""
    content = csv_bytes(kind, rows, columns=columns, newline=newline)
    if bom:
        content = b"\xef\xbb\xbf" + content
    if parts is not None:
        control["parts"] = parts
    path = folder / str(FeedName(FeedKind(kind), day, number))
    total = _score_total(rows) if FeedKind(kind) is FeedKind.RESULTS else 0
    return write_bytes(path, content, **{"records": len(rows), "score_total": total, **control})


def write_bytes(path: Path, content: bytes, *, records: int, score_total: int = 0, **control: Any) -> Path:
    """Write a feed's bytes as they are, and a control file that fits them but for what `control` changes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    document = {
        "feed": path.name.partition("-")[0],
        "file": path.name,
        "records": records,
        "score_total": score_total,
        "sha256": hashlib.sha256(content).hexdigest(),
        **control,
    }
    path.with_name(control_name(path.name)).write_text(json.dumps(document), "utf-8")
    return path


def _score_total(rows: Sequence[Mapping[str, str]]) -> int:
    cells = (row.get("scaled_score", "") for row in rows if row.get("status") == "scored")
    return sum(int(cell) for cell in cells if cell.isascii() and cell.isdigit())
