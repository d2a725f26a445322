"""Ingest of results: read, check, compare and load, against pandas' C engine and to_sql.

    python benchmarks/ingest.py [--rows 1000000] [--peer-rows 50000]

The peer neither checks nor compares; its rows are fewer, so the seconds per row are set side by side.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
import sqlalchemy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from distribution.jobs import ingest_feeds, wiring
from distribution.ledger import embedded, upgrade
from distribution.settings import Settings, make_home
from tests.support.feeds import result_row, write_bytes

DAY = date(2026, 11, 22)
_NAMES = [
    "Smith",
    "Nguyễn",
    "O'Brien",
    "Łukasz",
    "García",
    "Lee",
    "Van Dyke",
    "Null",
    "Παπαδόπουλος",
    "Okafor",
]


def invented(rows: int) -> pd.DataFrame:
    """Rows of 4,000 institutions: one exam each, so that no retake is too soon."""
    chance = np.random.default_rng(1)
    number = pd.Series(np.arange(rows)).astype("str").str.zfill(8)
    frame = pd.DataFrame({"result_id": "R" + number})
    for name, value in result_row().items():
        frame[name] = frame["result_id"] if name == "result_id" else value
    frame["candidate_id"] = "C" + number
    frame["last_name"] = chance.choice(_NAMES, rows)
    frame["first_name"] = chance.choice(["Ann", "José", "Li", "Mary Jo", "Sam"], rows)
    births = pd.Timestamp("2004-01-01") + pd.to_timedelta(chance.integers(0, 1800, rows), "D")
    frame["birth_date"] = births.strftime("%Y-%m-%d")
    frame["test_date"] = (
        pd.Timestamp("2026-10-01") + pd.to_timedelta(chance.integers(0, 50, rows), "D")
    ).strftime("%Y-%m-%d")
    frame["scaled_score"] = chance.integers(20, 81, rows).astype("str")
    frame["recipient_1"] = chance.integers(1000, 5000, rows).astype("str")
    frame["attending_code"] = chance.integers(300000, 301000, rows).astype("str")
    return frame


def write(folder: Path, frame: pd.DataFrame, *, number: int) -> Path:
    buffer = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    pyarrow.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), buffer, options)
    content = buffer.getvalue().to_pybytes().replace(b'"', b"")
    total = int(frame["scaled_score"].astype(int).sum())
    name = f"results-{DAY:%Y%m%d}-{number:03d}.csv"
    return write_bytes(folder / name, content, records=len(frame), score_total=total)


def timed(
    what: str, rows: int, act: Callable[[], object], table: list[tuple[str, int, float, float]]
) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    table.append((what, rows, time.perf_counter() - wall, time.process_time() - cpu))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=50_000)
    asked = parser.parse_args()
    cluster = Path(tempfile.mkdtemp(prefix="score-distribution-bench-", dir="/var/tmp"))
    cluster.chmod(0o755)
    server = embedded.start(cluster / "postgres")
    try:
        measure(cluster, server, rows=asked.rows, peer_rows=asked.peer_rows)
    finally:
        embedded.stop(cluster / "postgres")
        shutil.rmtree(cluster, ignore_errors=True)


def measure(folder: Path, server: str, *, rows: int, peer_rows: int) -> None:
    upgrade.make_database(server)
    upgrade.upgrade(server)
    settings = Settings(home=folder / "home", database_url=server)
    make_home(settings)
    line = wiring.Line(settings=settings, url=server, now=wiring.utc_now)
    frame = invented(rows)
    first = write(folder / "feeds", frame, number=1)
    changed = frame.index % 10 == 0
    frame.loc[changed, "revision"] = "2"
    frame.loc[changed, "scaled_score"] = "50"
    second = write(folder / "feeds", frame, number=2)
    peer_frame = frame.head(peer_rows)
    peer = folder / "peer.csv"
    peer_frame.to_csv(peer, index=False)
    size_mb = first.stat().st_size / 1e6
    del frame, peer_frame
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table: list[tuple[str, int, float, float]] = []
    timed("first load", rows, lambda: ingest_feeds.ingest_files(line, [first]), table)
    timed("10 % corrected, 90 % again", rows, lambda: ingest_feeds.ingest_files(line, [second]), table)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    timed("pandas C engine + to_sql", peer_rows, lambda: load_with_pandas(peer, server), table)
    sys.stdout.write(
        f"{rows:,} rows, {size_mb:.0f} MB; peak memory {after:.0f} MB (before: {before:.0f} MB)\n"
    )
    sys.stdout.write(f"{'':28} {'rows':>10} {'wall s':>8} {'cpu s':>8} {'µs a row':>9}\n")
    for what, count, wall, cpu in table:
        sys.stdout.write(f"{what:28} {count:>10,} {wall:>8.2f} {cpu:>8.2f} {wall / count * 1e6:>9.1f}\n")


def load_with_pandas(path: Path, server: str) -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(server))
    frame = pd.read_csv(path, dtype="str", keep_default_na=False, engine="c")
    frame.to_sql("peer", engine, if_exists="replace", index=False, schema="public")
    engine.dispose()


if __name__ == "__main__":
    main()
