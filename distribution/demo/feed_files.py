"""Feeds on disk: the next free number, the control file written last, and what was fed before."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TextIO

from distribution import filenames
from distribution.demo.day_results import FedDay
from distribution.demo.result_rows import write_csv
from distribution.model import FeedKind


def feeds_seen(folders: Iterable[Path]) -> Iterator[Path]:
    """Every feed in an inbox, in what was processed from it, or in what was refused."""
    for folder in folders:
        for pattern in ("*.csv", "processed/*/*.csv"):
            yield from folder.glob(pattern)


def next_number(kind: FeedKind, day: date, folders: Iterable[Path]) -> int:
    """The first number after all that feeds of this kind and day bear already."""
    names = (filenames.parse_feed_name(path.name) for path in feeds_seen(folders))
    taken = (name.number for name in names if name and name.kind is kind and name.day == day)
    return max(taken, default=0) + 1


def fed_before(day: date, folders: Iterable[Path], *, is_ours: Callable[[str, date], bool]) -> FedDay | None:
    """The newest day before `day` whose first results feed still lies in one of the folders.

    `is_ours` says by a result id and a day whether the feed is one of this seed.
    """
    found: dict[date, int] = {}
    for path in feeds_seen(folders):
        name = filenames.parse_feed_name(path.name)
        if name is None or name.kind is not FeedKind.RESULTS or name.day >= day:
            continue
        records = _records(path)
        if records and is_ours(_first_id(path, name.day), name.day):
            # Of two feeds of one day the smaller holds no result that the larger lacks.
            found[name.day] = min(records, found.get(name.day, records))
    newest = max(found, default=None)
    return FedDay(newest, found[newest]) if newest else None


def _first_id(path: Path, day: date) -> str:
    """The first result id of the day in a results feed; empty where there is none."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return next((row[0] for row in rows if row and row[0].startswith(f"{day:%Y%m%d}-")), "")


def _records(path: Path) -> int:
    try:
        control = json.loads(path.with_name(filenames.control_name(path.name)).read_text("utf-8"))
        return int(control["records"])
    except (OSError, ValueError, KeyError):
        return 0


def write_feed(
    folder: Path,
    name: filenames.FeedName,
    *,
    records: int,
    score_total: int,
    write: Callable[[TextIO], None],
) -> Path:
    """Write a feed and then its control file; neither is ever seen half written."""
    path = folder / str(name)
    part = path.with_name(f".{path.name}{filenames.PART_SUFFIX}")
    with part.open("w", encoding="utf-8", newline="") as file:
        write(file)
    with part.open("rb") as whole:
        sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    os.replace(part, path)
    control = {
        "feed": str(name.kind),
        "file": path.name,
        "records": records,
        "score_total": score_total,
        "sha256": sha256,
    }
    control_part = path.with_name(f".{filenames.control_name(path.name)}{filenames.PART_SUFFIX}")
    control_part.write_text(json.dumps(control) + "\n", "utf-8")
    os.replace(control_part, path.with_name(filenames.control_name(path.name)))
    return path


def write_table(
    folder: Path, name: filenames.FeedName, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> Path:
    """Write a feed other than results."""
    return write_feed(
        folder,
        name,
        records=len(rows),
        score_total=0,
        write=lambda file: write_csv(file, columns, rows),
    )
