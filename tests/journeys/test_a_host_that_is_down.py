"""A partner's host is down: the others get theirs, the next run brings exactly what was missing."""

import json
import os
import subprocess
import sys
from datetime import date

import pytest
import yaml

from distribution.demo import hosts
from distribution.demo.feed import write_demo_feed
from distribution.jobs import distribute_scores, load_endpoints
from tests.support.demo_ports import keep_free_ports

NIGHT, NEXT_NIGHT = date(2026, 11, 23), date(2026, 11, 24)
NOBODY_LISTENS = 9


@pytest.fixture
def demo(line):
    """A small demo programme, its hosts up; one institution's endpoint names a port where nobody listens."""
    keep_free_ports(line.settings)
    feed = write_demo_feed(line.settings.inbox, rows=300, seed=5, day=NIGHT, home=line.settings.home)
    hosts.up(line.settings)
    yield feed
    hosts.down(line.settings)


def test_the_others_get_theirs_and_the_next_run_delivers_exactly_what_was_missing(line, demo, tmp_path):
    endpoints = yaml.safe_load(demo.endpoints_file.read_text("utf-8"))["endpoints"]
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM ledger.delivery").fetchone() == (0,)
    down = _busiest(line, demo, endpoints)
    _load(
        line,
        tmp_path,
        [entry | ({"port": NOBODY_LISTENS} if entry["code"] == down else {}) for entry in endpoints],
    )

    document = distribute_scores.run_nightly(line, on=NIGHT)
    assert document["exit"] == 3
    assert document["balanced"] is True
    assert document["deliveries"]["failed"] > 0
    assert document["deliveries"]["electronic"] > 0
    assert not any(f"_{down}_" in name for name in document["files"])
    failed = _delivery_list(line, "--state", "failed")
    assert {row["recipient"] for row in failed} == {down}
    assert len(failed) == document["deliveries"]["failed"]

    before = _drops(line)
    _load(line, tmp_path, endpoints)
    again = distribute_scores.run_nightly(line, on=NEXT_NIGHT)
    assert again["exit"] == 0
    assert again["deliveries"]["electronic"] == document["deliveries"]["failed"]
    assert all(f"_{down}_" in name for name in again["files"])
    assert _delivery_list(line, "--state", "failed") == []
    after = _drops(line)
    assert {name: bytes_ for name, bytes_ in after.items() if name in before} == before
    assert all(down in name for name in after.keys() - before.keys())


def _busiest(line, demo, endpoints) -> str:
    """An electronic institution that the feed names as first recipient."""
    codes = {entry["code"] for entry in endpoints}
    text = next(path for path in demo.paths if path.name.startswith("results-")).read_text("utf-8-sig")
    rows = [row.split(",") for row in text.splitlines()]
    at = rows[0].index("recipient_1")
    named = [row[at] for row in rows[1:] if len(row) > at and row[at] in codes]
    return max(set(named), key=named.count)


def _load(line, folder, endpoints) -> None:
    file = folder / "endpoints.yaml"
    file.write_text(yaml.safe_dump({"endpoints": endpoints}), "utf-8")
    load_endpoints.load_endpoints(line, file)


def _delivery_list(line, *arguments: str) -> list[dict]:
    printed = subprocess.run(
        [sys.executable, "-m", "distribution", "delivery", "list", *arguments, "--json"],
        env=os.environ
        | {"DISTRIBUTION_HOME": str(line.settings.home), "DISTRIBUTION_DATABASE_URL": line.url},
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(printed.stdout)["deliveries"]


def _drops(line) -> dict[str, bytes]:
    drops = line.settings.demo / "drops"
    return {str(path.relative_to(drops)): path.read_bytes() for path in drops.rglob("*") if path.is_file()}
