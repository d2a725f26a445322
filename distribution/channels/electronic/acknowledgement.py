"""What an institution says of a file that it took in: an optional JSON file that it drops back for us."""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"ACK_[A-Za-z0-9_.-]{1,80}\.json")
LOADED = "loaded"
MOST_BYTES = 64 * 1024 * 1024  # a million rows, generously
_MOST_ROWS = 1_000_000
_NO_TEXT = ("Cc", "Cs")  # control characters, halves of a pair: no name has them, and no database keeps them


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one result; any other status than `loaded` needs a person."""

    result_id: str
    revision: int
    status: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The file that is meant, the results counted in it, the sum of their scores, and rows where it has "
    "any."""

    file: str
    details: int
    score_total: int
    rows: tuple[Row, ...]

    @property
    def not_loaded(self) -> int:
        return sum(row.status != LOADED for row in self.rows)


def parse(content: bytes) -> Acknowledgement:
    """The acknowledgement in a file's bytes. Raises ValueError for anything outside the form."""
    try:
        stated = json.loads(content.decode("utf-8-sig"))
        rows = stated.get("rows") or []
        if len(rows) > _MOST_ROWS:
            raise ValueError("too many rows")
        return Acknowledgement(
            file=_text(stated["file"]),
            details=_count(stated["details"]),
            score_total=_count(stated["score_total"]),
            rows=tuple(
                Row(_text(row["result_id"]), _count(row["revision"]), _text(row["status"])) for row in rows
            ),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError("not the agreed form") from exc


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError("a text is missing")
    if any(unicodedata.category(character) in _NO_TEXT for character in value):
        raise ValueError("a text with control characters")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError("a count is missing")
    return value
