"""Parts a feed's rows into those that may be recorded and those that are held: pure, no file, no database."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from distribution.ingest import feed_layouts, rules, text
from distribution.ingest.feed_layouts import Column
from distribution.ingest.read import LINE
from distribution.ingest.rules import Fault, OnFile
from distribution.model import FeedKind, RowHoldReason

HELD_COLUMNS = ("line", "reason", "column_name", "row_key", "revision", "cells")
_FORM_REASONS = (RowHoldReason.BAD_CHARACTERS, RowHoldReason.FIELD_TOO_LONG, RowHoldReason.BAD_VALUE)


@dataclass(frozen=True, slots=True)
class Checked:
    """A feed's rows in two parts; together they are all of them.

    `accepted`: the feed's columns as the ledger keeps them (`str`), `line` int64, and `extra` (JSON text,
    only where the feed has x_… columns). `held`: `HELD_COLUMNS`, all `str` but `line` int64; `cells` is the
    row as it came, as JSON.
    """

    accepted: pd.DataFrame
    held: pd.DataFrame


def split(frame: pd.DataFrame, *, kind: FeedKind, feed_date: date, on_file: OnFile) -> Checked:
    """Check every row (`read.read_rows`) against its forms and against what is on file.

    A row has one reason: first bad-characters, field-too-long and bad-value of single cells, in this order
    and inside each by column; then the rules between cells in the order of `rules.faults`. What depends on
    other revisions (revision-conflict, retake-too-soon) is the ledger's to say.
    """
    rows = normalised(frame, kind=kind)
    faults = _Faults(len(rows))
    _check_characters(frame, kind, faults)
    _check_forms(rows, kind, faults)
    rules.prepare(rows, kind)
    for fault in rules.faults(rows, kind=kind, feed_date=feed_date, on_file=on_file, sound=~faults.any()):
        faults.add(fault)
    bad = faults.any()
    held = faults.table()
    held[["row_key", "revision", "cells"]] = as_came(frame, rows=held.index, kind=kind)
    held.insert(0, LINE, frame[LINE].to_numpy()[held.index])
    accepted = rows if not bad.any() else rows.loc[~bad].reset_index(drop=True)
    return Checked(accepted, held.reset_index(drop=True)[list(HELD_COLUMNS)])


def normalised(frame: pd.DataFrame, *, kind: FeedKind) -> pd.DataFrame:
    """The feed's columns in the contract's order, NFC and trimmed; columns that the feed lacks are empty."""
    empty = pd.Series("", index=frame.index, dtype="str")
    columns = {
        column.name: text.normalised(frame[column.name], one_blank=column.one_blank)
        if column.name in frame
        else empty
        for column in feed_layouts.columns_of(kind)
    }
    rows = pd.DataFrame(columns, copy=False)
    rows[LINE] = frame[LINE]
    extras = extra_columns(frame)
    if extras:
        rows["extra"] = pd.Series(_as_json(frame[extras]), index=frame.index, dtype="str")
    return rows


def extra_columns(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if name.startswith(feed_layouts.EXTRA_PREFIX)]


def _as_json(frame: pd.DataFrame) -> list[str]:
    names = list(frame.columns)
    columns = [frame[name].tolist() for name in names]
    return [
        json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False)
        for cells in zip(*columns, strict=True)
    ]


def as_came(frame: pd.DataFrame, *, rows: pd.Index, kind: FeedKind) -> pd.DataFrame:
    """Of rows that are held: `row_key`, `revision` (digits; empty = unreadable) and `cells` (JSON)."""
    chosen = frame.loc[rows].drop(columns=LINE)
    key = text.normalised(chosen[feed_layouts.KEY[kind]])
    revision = pd.Series("", index=rows, dtype="str")
    if kind is FeedKind.RESULTS:
        cells = text.normalised(chosen["revision"])
        revision = cells.where(text.matches(cells, "[1-9][0-9]{0,5}"), "")
    # A control character in it has no place in a ledger's key, and PostgreSQL takes any text but NUL.
    return pd.DataFrame(
        {"row_key": key, "revision": revision, "cells": pd.Series(_as_json(chosen), index=rows, dtype="str")}
    )


class _Faults:
    """The first fault of each row: faults are added in the order in which they are told."""

    def __init__(self, rows: int):
        self._first = np.full(rows, -1, dtype=np.int32)
        self._told: list[tuple[str, str]] = []

    def add(self, fault: Fault) -> None:
        free = fault.rows[self._first[fault.rows] < 0]
        self._first[free] = len(self._told)
        self._told.append((str(fault.reason), fault.column))

    def any(self) -> np.ndarray:
        return self._first >= 0

    def table(self) -> pd.DataFrame:
        """`reason` and `column_name` of each faulty row, by its place in the feed."""
        rows = np.flatnonzero(self.any())
        told = [self._told[fault] for fault in self._first[rows].tolist()]
        columns = {"reason": [reason for reason, _ in told], "column_name": [column for _, column in told]}
        return pd.DataFrame(columns, index=pd.Index(rows), dtype="str")


def _check_characters(frame: pd.DataFrame, kind: FeedKind, faults: _Faults) -> None:
    """Control characters in any cell as it came; those that turn the writing in the feed's own columns."""
    known = feed_layouts.names_of(kind)
    for name in frame.columns.drop(LINE):
        find = text.has_forbidden if name in known else text.has_control
        faults.add(Fault(np.flatnonzero(find(frame[name])), RowHoldReason.BAD_CHARACTERS, name))


def _check_forms(rows: pd.DataFrame, kind: FeedKind, faults: _Faults) -> None:
    try:
        schema(kind).validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as exc:
        # The failing values are students' data: only where they stand is taken over.
        cases = exc.failure_cases[["column", "check", "index"]]
        where = {key: found["index"].to_numpy(np.int64) for key, found in cases.groupby(["column", "check"])}
        for reason in _FORM_REASONS:
            for name in feed_layouts.names_of(kind):
                if (name, reason) in where:
                    faults.add(Fault(where[name, reason], reason, name))


def schema(kind: FeedKind) -> pa.DataFrameSchema:
    """The forms of a feed's cells; each check bears the reason for which a row is held."""
    columns = feed_layouts.columns_of(kind)
    return pa.DataFrameSchema({column.name: pa.Column(checks=list(_checks(column))) for column in columns})


def _checks(column: Column) -> Iterator[pa.Check]:
    if column.person:
        yield pa.Check(lambda cells: ~text.is_no_name(cells), name=RowHoldReason.BAD_CHARACTERS.value)
        if not column.may_be_empty:
            yield pa.Check(lambda cells: cells != "", name=RowHoldReason.BAD_CHARACTERS.value)
    longest = column.longest
    if longest is not None:
        yield pa.Check(lambda cells: text.length(cells) <= longest, name=RowHoldReason.FIELD_TOO_LONG.value)
    if column.form or column.words or column.date:
        yield pa.Check(lambda cells: rules.fits(cells, column), name=RowHoldReason.BAD_VALUE.value)
