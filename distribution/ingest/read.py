"""Reads a feed's bytes into a frame of texts: all columns as they came, no value guessed."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from distribution.errors import FeedRefused, PermanentError
from distribution.ingest import feed_layouts, gate, text
from distribution.ingest.gate import Limits
from distribution.model import FeedKind, RefusalCode, ResultStatus

LINE = "line"
_PARSER_BLOCK = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class FeedBytes:
    """A feed's bytes and their hash."""

    content: bytes
    sha256: str


def read_bytes(path: Path, *, limits: Limits) -> FeedBytes:
    """The feed's bytes. Raises FeedRefused `too-large` before reading."""
    if path.stat().st_size > limits.feed_bytes:
        raise FeedRefused(
            RefusalCode.TOO_LARGE,
            f"The feed is larger than {limits.feed_bytes:,} bytes.",
            what_to_do="Send it in parts, each under its own number, or raise the limit in the settings.",
        )
    content = path.read_bytes()
    return FeedBytes(content, hashlib.sha256(content).hexdigest())


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_rows(content: bytes, *, kind: FeedKind, limits: Limits) -> pd.DataFrame:
    """The feed's rows: every column of the header as text (`str`), as it came, and `line` (int64, from 1).

    Raises FeedRefused for bytes that are no strict CSV (see `gate.check`) and for wrong columns.
    """
    shape = gate.check(content, limits=limits)
    names = _header(shape.header)
    check_columns(names, kind=kind)
    table = _parse(content, names, shape=shape)
    if table.num_rows != len(shape.lines):
        raise PermanentError(
            f"The gate counted {len(shape.lines)} rows, the parser {table.num_rows}: nothing was recorded. "
            "Keep the feed and report this.",
            code="row-count",
        )
    frame = table.to_pandas().astype("str")
    frame[LINE] = shape.lines
    return frame


def _header(row: bytes) -> list[str]:
    return next(csv.reader([row.decode()], strict=True))


def check_columns(names: list[str], *, kind: FeedKind) -> None:
    """Raises FeedRefused `columns` for a missing, repeated or unknown column."""
    known = feed_layouts.names_of(kind)
    missing = [column.name for column in feed_layouts.columns_of(kind) if not column.optional]
    missing = [name for name in missing if name not in names]
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    extra = feed_layouts.EXTRA_PREFIX
    unknown = [name for name in names if name not in known and not name.startswith(extra)]
    faults = []
    if missing:
        faults.append(f"lacks {', '.join(missing)}")
    if repeated:
        faults.append(f"repeats {len(repeated)} columns, first that at place {names.index(repeated[0]) + 1}")
    if unknown:
        # A name from outside may be a student's: only its place is told.
        faults.append(
            f"has {len(unknown)} unknown columns, first that at place {names.index(unknown[0]) + 1}"
        )
    if faults:
        raise FeedRefused(
            RefusalCode.COLUMNS,
            f"The header row {' and '.join(faults)}.",
            what_to_do="Send each column of the feed once; columns of your own begin with x_.",
            line=1,
            column=missing[0] if missing else None,
        )


def _parse(content: bytes, names: list[str], *, shape: gate.Shape) -> pa.Table:
    places = [f"c{place}" for place in range(len(names))]
    if len(shape.lines) == 0:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    table = pyarrow.csv.read_csv(
        pa.py_buffer(content).slice(shape.body),
        # A row may be as long as a line may be, so a block must hold one.
        read_options=pyarrow.csv.ReadOptions(column_names=places, block_size=_PARSER_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=b'"' in content),
        # A student may be called Null or NA: no text is ever taken for a missing value.
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
        ),
    )
    return table.rename_columns(names)


def score_total(frame: pd.DataFrame, *, kind: FeedKind) -> int:
    """The sum of `scaled_score` over rows with status `scored`; only cells of ASCII digits, as they came.

    0 for other feeds than results.
    """
    if kind is not FeedKind.RESULTS:
        return 0
    scored = text.normalised(frame["status"]) == ResultStatus.SCORED
    counts = frame.loc[scored, "scaled_score"].value_counts()
    return sum(int(str(cell)) * count for cell, count in counts.items() if _is_digits(str(cell)))


def _is_digits(cell: str) -> bool:
    # Python reads no number of more digits than this; a cell like that fits no total anyway.
    return cell.isascii() and cell.isdigit() and len(cell) <= 4000
