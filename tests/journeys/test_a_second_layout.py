"""A night with institutions that try a second layout: the night's own figures do not change by it."""

from datetime import date

import pytest
import yaml

from distribution.demo import hosts
from distribution.demo.feed import write_demo_feed
from distribution.jobs import distribute_scores, load_endpoints, reconcile_deliveries
from tests.support.demo_ports import keep_free_ports

NIGHT = date(2026, 11, 23)
OTHER = {"fixed-1": "csv-1", "csv-1": "wide"}
NO_FOLDER = "0042"


@pytest.fixture
def trying(line, tmp_path):
    """A small demo programme, some of whose institutions try another layout; one has no test folder."""
    keep_free_ports(line.settings)
    feed = write_demo_feed(line.settings.inbox, rows=60, seed=5, day=NIGHT, home=line.settings.home)
    endpoints = yaml.safe_load(feed.endpoints_file.read_text("utf-8"))["endpoints"][:12]
    for entry in endpoints:
        other = OTHER[entry["layout"]]
        entry["parallel"] = {"layout": other, "folder": "/second", "until": "2026-12-31"}
    (tmp_path / "endpoints.yaml").write_text(yaml.safe_dump({"endpoints": endpoints}), "utf-8")
    codes = [entry["code"] for entry in endpoints]
    hosts.up(line.settings)
    try:
        for code in codes:
            if code != NO_FOLDER:
                drops(line, code).mkdir(parents=True)
        load_endpoints.load_endpoints(line, tmp_path / "endpoints.yaml")
        yield codes
    finally:
        hosts.down(line.settings)


def drops(line, code):
    return line.settings.home / "demo" / "drops" / code / "second"


def test_each_file_of_the_night_comes_in_both_layouts_and_counts_once(line, trying):
    document = distribute_scores.run_nightly(line, on=NIGHT)
    assert (document["exit"], document["balanced"]) == (0, True)
    assert document["deliveries"]["failed"] == 0
    assert all(name.startswith("CLEP_") for name in document["files"])
    live = {name.split("_")[1] for name in document["files"]}
    tests = {code: sorted(drops(line, code).glob("TEST_[0-9]*")) for code in trying if code != NO_FOLDER}
    assert NO_FOLDER in live
    assert {code for code, found in tests.items() if found} == live - {NO_FOLDER}
    assert all(len(found) <= 1 for found in tests.values())
    again = distribute_scores.run_nightly(line, on=NIGHT)
    assert (again["exit"], again["files"]) == (0, [])
    assert {code: sorted(drops(line, code).glob("TEST_[0-9]*")) for code in tests} == tests
    morning = reconcile_deliveries.reconcile(line, on=NIGHT)
    assert morning["faults"] == []
    whats = [need["what"] for need in morning["needs_a_person"]]
    assert [what for what in whats if "did not arrive" in what] == [
        f"{NO_FOLDER}: 1 file in layout wide did not arrive"
    ]
