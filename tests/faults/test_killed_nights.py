"""A night killed anywhere and started again: nothing lost, nothing sent twice, the same bytes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from distribution.demo import hosts
from distribution.demo.feed import write_demo_feed
from distribution.jobs import distribute_scores, load_endpoints
from distribution.jobs.wiring import Line
from distribution.settings import load, make_home
from tests.support.dead_runs import wait_until_seen_to_be_dead
from tests.support.demo_ports import keep_free_ports

DAY = date(2026, 11, 23)
NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)

# With Intelligent Mail barcodes, whose serial numbers must be the same too.
MAILER = {"mailer_id": "912345678", "imb_service_type": "300"}

# Before and after every step that leaves a mark: module, function, when, n-th call.
POINTS = [
    ("distribution.ledger.feeds", "close_feed", "after", 4),
    ("distribution.ledger.deliveries", "add", "after", 1),
    ("distribution.ledger.batches", "plan", "after", 1),
    ("distribution.channels.paper.outbox", "place", "before", 1),
    ("distribution.channels.paper.outbox", "place", "after", 1),
    ("distribution.ledger.batches", "prove", "before", 1),
    ("distribution.ledger.batches", "prove", "after", 1),
    ("distribution.ledger.files", "record", "after", 1),
    ("distribution.ledger.transfers", "begin", "after", 3),
    ("distribution.ledger.transfers", "note_renaming", "after", 3),
    ("distribution.ledger.transfers", "deliver", "before", 1),
    ("distribution.ledger.transfers", "deliver", "before", 5),
    ("distribution.ledger.transfers", "deliver", "after", 5),
    ("distribution.channels.portal.staging", "stage", "after", 1),
    ("distribution.ledger.stagings", "mark_delivered", "after", 1),
    ("distribution.jobs.stage_scores", "stage_scores", "after", 1),
    ("distribution.ledger.runs", "finish", "before", 1),
    ("distribution.jobs.write_report", "write_report", "before", 1),
]
# Between PDF and ledger, between upload and receipt, in the middle of the portal.
SAMPLE = [
    ("distribution.ledger.batches", "prove", "before", 1),
    ("distribution.ledger.transfers", "deliver", "before", 5),
    ("distribution.ledger.stagings", "mark_delivered", "after", 1),
]


@pytest.fixture(scope="module")
def unharmed(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the same night brings out when nobody kills it."""
    with _night(cluster_url, tmp_path_factory.mktemp("unharmed"), "unharmed") as line:
        distribute_scores.run_nightly(line, on=DAY)
        return _brought_out(line)


@pytest.mark.parametrize("point", SAMPLE, ids=lambda point: "-".join(map(str, point[1:])))
def test_a_killed_night_goes_on_and_brings_out_the_same(point, unharmed, cluster_url, tmp_path):
    _kill_and_go_on(point, unharmed, cluster_url, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(map(str, point[1:])))
def test_a_night_killed_at_any_step_brings_out_the_same(point, unharmed, cluster_url, tmp_path):
    _kill_and_go_on(point, unharmed, cluster_url, tmp_path)


def _kill_and_go_on(point, unharmed, cluster_url, tmp_path):
    with _night(cluster_url, tmp_path, "killed") as line:
        killed = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.faults.killed_night",
                str(line.settings.home),
                line.url,
                DAY.isoformat(),
                *map(str, point),
            ],
            env=os.environ | {f"DISTRIBUTION_{name.upper()}": value for name, value in MAILER.items()},
            capture_output=True,
            text=True,
        )
        assert killed.stdout == "reached\n", killed.stderr
        assert killed.returncode == -9
        wait_until_seen_to_be_dead(line)
        document = distribute_scores.run_nightly(line, on=DAY)
        assert document["balanced"], document["faults"]
        assert document["exit"] == 0
        assert _brought_out(line) == unharmed
        again = distribute_scores.run_nightly(line, on=DAY)
        assert again["balanced"], again["faults"]
        assert _brought_out(line) == unharmed


@contextmanager
def _night(cluster_url: str, folder: Path, name: str) -> Iterator[Line]:
    """A small demo night, ready to run: database, home, feeds, hosts."""
    database = urlunsplit(urlsplit(cluster_url)._replace(path=f"/{name}"))
    server = urlunsplit(urlsplit(cluster_url)._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE distribution")
    settings = load(home=folder / "home", database_url=database, **MAILER)
    make_home(settings)
    line = Line(settings=settings, url=database, now=lambda: NIGHT)
    keep_free_ports(settings)
    feed = write_demo_feed(settings.inbox, rows=250, seed=3, day=DAY, home=settings.home)
    hosts.up(settings)
    try:
        load_endpoints.load_endpoints(line, feed.endpoints_file)
        yield line
    finally:
        hosts.down(settings)
        shutil.rmtree(settings.home)
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _brought_out(line: Line) -> dict[str, bytes]:
    """Every byte that the mailroom and the institutions find, and what each school sees."""
    home = line.settings.home
    found = {
        str(path.relative_to(home)): path.read_bytes()
        for folder in (line.settings.paper_outbox, line.settings.demo / "drops")
        for path in folder.rglob("*")
        if path.is_file()
    }
    with line.connect() as conn:
        rows = conn.execute(
            "SELECT school_code, result_id, revision, status, scaled_score, shown"
            " FROM portal.staged_score ORDER BY 1, 2, 3"
        ).fetchall()
    return found | {"portal": repr(rows).encode()}
