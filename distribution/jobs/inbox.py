"""The inbox as a folder: which feeds lie there, and where their files go afterwards."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from distribution.filenames import CONTROL_SUFFIX, SIGNATURE_SUFFIX, control_name, parse_feed_name
from distribution.model import FeedKind

LONG_ARRIVAL = timedelta(hours=24)
_ORDER = {kind: place for place, kind in enumerate(FeedKind)}


@dataclass(frozen=True, slots=True)
class Arriving:
    """A feed without its control file."""

    file: str
    since: datetime


def complete(inbox: Path) -> list[Path]:
    """The feeds whose control file is there: by kind in the night's order, then by date and number.

    Names outside the pattern come first: they are refused. Links, folders and hidden files are left alone.
    """
    found = [path for path in _feeds(inbox) if is_plain_file(path.with_name(control_name(path.name)))]
    return sorted(found, key=place)


def place(path: Path) -> tuple[int, date, int, str]:
    """Where a feed stands in the night's order."""
    name = parse_feed_name(path.name)
    if name is None:
        return (-1, date.min, 0, path.name)
    return (_ORDER[name.kind], name.day, name.number, path.name)


def arriving(inbox: Path) -> list[Arriving]:
    """The feeds that still lack their control file, by name."""
    return [
        Arriving(path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        for path in sorted(_feeds(inbox))
        if not is_plain_file(path.with_name(control_name(path.name)))
    ]


def _feeds(inbox: Path) -> Iterator[Path]:
    for path in inbox.iterdir() if inbox.is_dir() else ():
        if is_plain_file(path) and not path.name.endswith((CONTROL_SUFFIX, SIGNATURE_SUFFIX)):
            yield path


def is_plain_file(path: Path) -> bool:
    """True for a file that is no link and not hidden."""
    return not path.name.startswith(".") and not path.is_symlink() and path.is_file()


def put_away(feed: Path, folder: Path) -> None:
    """Move a feed with its control file and signature; what is gone already was moved by a run before."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (feed, *companions(feed)):
        if is_plain_file(path):
            os.replace(path, folder / path.name)


def companions(feed: Path) -> tuple[Path, Path]:
    """The feed's control file and its signature."""
    return feed.with_name(feed.name + CONTROL_SUFFIX), feed.with_name(feed.name + SIGNATURE_SUFFIX)


def write_reason(folder: Path, feed_file: str, reason: Mapping[str, Any]) -> None:
    """Write `<feed>.reason.json` beside a refused feed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{feed_file}.reason.json"
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps({"schema_version": 1, **reason}, ensure_ascii=False, indent=2) + "\n", "utf-8")
    os.replace(part, path)


def read_at_most(path: Path, size_bytes: int) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as opened:
        return opened.read(size_bytes)
