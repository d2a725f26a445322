"""The demo over a directory of real institutions: who becomes a DI, who a school, under which code."""

import csv
from datetime import datetime
from pathlib import Path

from distribution.demo.organizations import Directory, Organization
from distribution.demo.places import time_zone_of
from distribution.errors import UsageError
from distribution.model import Channel, InstitutionKind

COLUMNS = (
    "unitid",
    "name",
    "address_1",
    "city",
    "state",
    "postal_code",
    "control",
    "active",
    "closed_on",
    "successor_unitid",
)
MOST_ROWS = 9989  # the codes above are no institution's: results name them as unknown recipients
_LONG_AGO = "2015-07-01"

Row = dict[str, str]


def read_directory(path: Path) -> Directory:
    """The organisations of a directory file with the columns `COLUMNS`.

    Row n (from 1) becomes DI `n` in four digits, or school `47` and the same four digits: half of the
    rows get paper, a quarter files, a quarter are schools. A row that has or is a successor is a DI.
    Raises UsageError when the file is not there or has other columns.
    """
    rows = _read(path)
    uses = _uses(rows)
    codes = {
        row["unitid"]: f"47{number:04d}" if use is Channel.PORTAL else f"{number:04d}"
        for number, (row, use) in enumerate(zip(rows, uses, strict=True), start=1)
    }
    return Directory(
        tuple(_organization(row, use, codes) for row, use in zip(rows, uses, strict=True)), tag="D"
    )


def _read(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read ({exc}). Name a UTF-8 CSV file of institutions.") from exc
    missing = set(COLUMNS) - set(rows[0] if rows else ())
    if missing:
        raise UsageError(
            f"{path} lacks the columns {', '.join(sorted(missing))}. It needs {', '.join(COLUMNS)}."
        )
    if len(rows) > MOST_ROWS:
        raise UsageError(f"{path} has {len(rows)} rows; four-digit codes reach to {MOST_ROWS}. Shorten it.")
    return rows


def _uses(rows: list[Row]) -> list[Channel]:
    """How each row is used: about every second on paper, every fourth electronic, every fourth a school."""
    successors = {row["successor_unitid"] for row in rows}
    bound = [bool(row["successor_unitid"]) or row["unitid"] in successors for row in rows]
    free = [position for position, tied in enumerate(bound) if not tied and _has_address(rows[position])]
    schools = len(rows) // 4
    uses = [Channel.PAPER] * len(rows)
    for place in range(min(schools, len(free))):
        uses[free[place * len(free) // schools]] = Channel.PORTAL
    others = [n for n, use in enumerate(uses) if use is Channel.PAPER and _has_address(rows[n])]
    electronic = len(rows) // 4
    for place in range(min(electronic, len(others))):
        uses[others[place * len(others) // electronic]] = Channel.ELECTRONIC
    return uses


def _has_address(row: Row) -> bool:
    return all(row[column] for column in ("address_1", "city", "state", "postal_code"))


def _organization(row: Row, use: Channel, codes: dict[str, str]) -> Organization:
    active = row["active"] == "yes"
    return Organization(
        code=codes[row["unitid"]],
        name=row["name"],
        kind=_kind(row, use),
        delivery_method=use,
        address_1=row["address_1"],
        city=row["city"],
        state=row["state"],
        postal_code=row["postal_code"],
        status="active" if active else "closed",
        successor_code="" if active else codes.get(row["successor_unitid"], ""),
        time_zone=time_zone_of(row["state"]),
        valid_from=_LONG_AGO if active else _day(row["closed_on"]),
    )


def _kind(row: Row, use: Channel) -> InstitutionKind:
    if use is Channel.PORTAL:
        return InstitutionKind.HIGH_SCHOOL
    return InstitutionKind.UNIVERSITY if "university" in row["name"].lower() else InstitutionKind.COLLEGE


def _day(closed_on: str) -> str:
    """The file's MM/DD/YYYY as an ISO date; a closing without a date counts from long ago."""
    if not closed_on:
        return _LONG_AGO
    return datetime.strptime(closed_on, "%m/%d/%Y").date().isoformat()  # noqa: DTZ007 - a calendar day
