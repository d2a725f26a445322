"""A million rows written to 4,000 score files, with totals and hashes, beside groupby and to_csv.

    python benchmarks/writing.py [--rows 1000000] [--folder /var/tmp]

For minutes after many files were deleted ext4 takes up to ten times as long to make one: the kernel's share
of the CPU stands beside the whole, and `--folder /dev/shm` shows the writing without a disk.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from distribution.channels.electronic import record_layout, score_file
from distribution.channels.electronic.score_file import Form, Header
from distribution.jobs import build_files, file_outbox, wiring
from distribution.model import FileKind
from distribution.settings import Settings, make_home

CREATED = datetime(2026, 11, 24, 3, tzinfo=UTC)


def measure_writing(folder: Path, *, rows: int) -> None:
    """The table: each layout with totals and hashes, and the peer that makes neither."""
    settings = Settings(home=folder / "writing", database_url="postgresql://nowhere")
    make_home(settings)
    line = wiring.Line(settings=settings, url="", now=wiring.utc_now)
    frame = _deliveries(rows)
    sys.stdout.write(
        f"\n{rows:,} rows to {frame['recipient'].nunique():,} files\n"
        f"{'':36} {'wall s':>8} {'CPU s':>8} {'of the kernel':>13} {'rows/CPU s':>11}\n"
    )
    for name, act in (
        ("this line, csv-1, sums and hashes", lambda: _write(line, frame, "csv-1")),
        ("this line, fixed-1, sums and hashes", lambda: _write(line, frame, "fixed-1")),
        ("groupby + to_csv, neither", lambda: _write_by_groups(frame, folder / "peer")),
    ):
        before, began = os.times(), time.perf_counter()
        assert act() == rows
        wall, after = time.perf_counter() - began, os.times()
        kernel = after.system - before.system
        cpu = after.user - before.user + kernel
        sys.stdout.write(f"{name:36} {wall:>8.1f} {cpu:>8.1f} {kernel:>13.1f} {rows / cpu:>11,.0f}\n")
        sys.stdout.flush()


def _write(line: wiring.Line, frame: pd.DataFrame, layout: str) -> int:
    """Sort once, format chunk by chunk, slice, hash and keep, as a night does; the records written."""
    form = Form(layout=record_layout.load(layout), control=record_layout.load(layout).control)
    owed = frame.take(np.argsort(pd.factorize(frame["recipient"], sort=True)[0], kind="stable"))
    total = 0
    for chunk in _chunks(owed):
        lines = score_file.format_details(chunk, form)
        for di, first, last in build_files._slices(chunk["recipient"]):
            header = Header(di, 1, 0, CREATED, FileKind.NEW)
            written = score_file.compose(header, lines, form, start=first, stop=last)
            contents = {f"{layout}-{di}": written.data}
            if written.sidecar is not None:
                contents[f"{layout}-{di}.json"] = written.sidecar
            file_outbox.keep(line, di=di, contents=contents, encrypted=False)
            total += written.details
    return total


def _chunks(owed: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Whole institutions, about as many rows at a time as a night takes."""
    codes = owed["recipient"].to_numpy(dtype=object)
    edges = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1], [True])))
    start = 0
    while start < len(edges) - 1:
        stop = int(np.searchsorted(edges, edges[start] + build_files._CHUNK_ROWS, side="right")) - 1
        stop = max(stop, start + 1)
        yield owed.iloc[edges[start] : edges[stop]]
        start = stop


def _write_by_groups(frame: pd.DataFrame, out: Path) -> int:
    fields = record_layout.load("csv-1").records["D"]
    columns = [field.name for field in fields if field.name in frame.columns]
    out.mkdir()
    for di, rows_of in frame[["recipient", *columns]].groupby("recipient"):
        rows_of.to_csv(out / f"{di}.csv", index=False)
    return len(frame)


def _deliveries(rows: int) -> pd.DataFrame:
    """What D records are made of, for a night of 4,000 institutions, in no order."""
    chance = np.random.default_rng(1)
    number = pd.Series(np.arange(rows)).astype("str").str.zfill(8)
    names = ["Smith", "Nguyễn", "O'Brien", "Łukasz", "García", "Lee", "Van Dyke", "Null", "Okafor"]
    frame = pd.DataFrame({"delivery_id": np.arange(rows), "result_id": "R" + number})
    constant = {"revision": "1", "action": "N", "reasons": "recipient", "status": "scored", "middle_name": ""}
    constant |= {"gender": "F", "funding": "self", "test_center_code": "0042", "email": "", "grade": ""}
    constant |= {"postal_code": "", "college_student_id": "", "local_student_id": "", "attending_code": ""}
    constant |= {"replaces_revision": "", "birth_date": "2005-03-09", "scored_on": "2026-11-21"}
    for name, value in constant.items():
        frame[name] = value
    frame["recipient"] = chance.integers(1000, 5000, rows).astype("str")
    frame["candidate_id"] = "C" + number
    frame["last_name"] = chance.choice(names, rows)
    frame["first_name"] = chance.choice(["Ann", "José", "Li", "Mary Jo", "Sam"], rows)
    frame["exam_code"] = chance.choice(["FINACC", "BIOLOG", "CALCUL"], rows)
    frame["test_date"] = chance.choice(["2026-10-02", "2026-11-20"], rows)
    frame["scaled_score"] = chance.integers(20, 81, rows).astype("str")
    return frame.astype(dict.fromkeys(frame.columns.drop("delivery_id"), "str"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where files are written (/var/tmp)")
    asked = parser.parse_args()
    place = asked.folder or "/var/tmp"  # noqa: S108  a folder of its own is made in it
    folder = Path(tempfile.mkdtemp(prefix="score-distribution-bench-", dir=place))
    try:
        measure_writing(folder, rows=asked.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
