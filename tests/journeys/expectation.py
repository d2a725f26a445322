"""Who should get what from one night's feeds, worked out row by row from the CSV files alone.

Written apart from the line's own rules on purpose: plain loops over dictionaries, no frame, no database.
It knows a first night only: nobody has got anything before.
"""

import csv
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

SCHOOLS = {"high_school", "district"}


@dataclass
class Expected:
    """One delivery that a row of the feed asks for."""

    recipient: str
    channel: str
    row: dict[str, str]
    reasons: list[str] = field(default_factory=list)


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a feed with `line`, the number of the row's line in the file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        rows = []
        for row in reader:
            rows.append(
                {key: (value or "").strip() for key, value in row.items()} | {"line": str(reader.line_num)}
            )
        return rows


def newest_rows(results: Path, *, left_out: Collection[int]) -> dict[str, dict[str, str]]:
    """The highest revision of each result among the rows that were not held."""
    newest: dict[str, dict[str, str]] = {}
    for row in read(results):
        if int(row["line"]) in left_out:
            continue
        known = newest.get(row["result_id"])
        if known is None or int(row["revision"]) > int(known["revision"]):
            newest[row["result_id"]] = row
    return newest


class Directory:
    """The institutions in force on a day."""

    def __init__(self, institutions: Path, *, on: date, left_out: Collection[int] = ()):
        self.rows: dict[str, dict[str, str]] = {}
        for row in read(institutions):
            if int(row["line"]) in left_out or row["valid_from"] > on.isoformat():
                continue
            known = self.rows.get(row["code"])
            if known is None or row["valid_from"] >= known["valid_from"]:
                self.rows[row["code"]] = row

    def last_of_chain(self, code: str) -> str | None:
        seen: list[str] = []
        while code in self.rows and code not in seen:
            if self.rows[code]["status"] == "active":
                return code
            seen.append(code)
            code = self.rows[code]["successor_code"]
        return None

    def kind(self, code: str) -> str:
        return self.rows[code]["kind"] if code in self.rows else ""

    def channel(self, code: str) -> str:
        return "portal" if self.kind(code) in SCHOOLS else self.rows[code]["delivery_method"]


def deliveries(
    newest: dict[str, dict[str, str]],
    directory: Directory,
    orders: Path,
    *,
    endpoints: Collection[str],
    left_out_orders: Collection[int] = (),
) -> tuple[list[Expected], int]:
    """The deliveries of a first night that can go, and the number of those that are held."""
    organization_of = {
        row["order_id"]: row["organization_code"]
        for row in read(orders)
        if int(row["line"]) not in left_out_orders
    }
    going: list[Expected] = []
    held = 0
    for row in newest.values():
        if row["status"] == "cancelled":
            continue
        for expected in _of_row(row, directory, organization_of, endpoints):
            if expected.channel == "held" or row["status"] == "withheld":
                held += 1
            else:
                going.append(expected)
    return going, held


def _of_row(
    row: dict[str, str],
    directory: Directory,
    organization_of: dict[str, str],
    endpoints: Collection[str],
) -> list[Expected]:
    found: dict[str, Expected] = {}

    def owe(code: str, reason: str) -> None:
        last = directory.last_of_chain(code)
        if last is None:
            channel = "held" if reason == "recipient" else "portal"
            last = code
        else:
            channel = directory.channel(last) or "held"
            if channel == "electronic" and last not in endpoints:
                channel = "held"
        found.setdefault(last, Expected(last, channel, row)).reasons.append(reason)

    for column in ("recipient_1", "recipient_2"):
        if row[column]:
            owe(row[column], "recipient")
    if row["funding"] == "voucher":
        buyer = organization_of[row["voucher_order_id"]]
        if directory.kind(buyer) in SCHOOLS:
            owe(buyer, "voucher")
    if directory.kind(row["attending_code"]) == "high_school":
        owe(row["attending_code"], "attending")
    return list(found.values())
