"""A whole night on real parts: what the feed asked for is found in exactly the place it names."""

import csv
import io
import json
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import yaml

from distribution.demo import hosts
from distribution.demo.feed import DemoFeed, write_demo_feed
from distribution.exams import title_of
from distribution.jobs import distribute_scores, load_endpoints
from distribution.jobs.wiring import Line
from distribution.model import FeedKind
from tests.journeys import expectation
from tests.support.demo_ports import keep_free_ports

NIGHT = date(2026, 11, 23)
ROWS = 900


@pytest.fixture(scope="module")
def night(module_line: Line) -> Iterator[tuple[Line, DemoFeed, dict, Path]]:
    """A night of the demo programme, sent to the demo hosts: line, feed, document, a copy of the feeds."""
    line = module_line
    copies = line.settings.home / "copies"
    keep_free_ports(line.settings)
    feed = write_demo_feed(line.settings.inbox, rows=ROWS, seed=11, day=NIGHT, home=line.settings.home)
    copies.mkdir()
    for path in feed.paths:
        (copies / path.name).write_bytes(path.read_bytes())
    hosts.up(line.settings)
    try:
        load_endpoints.load_endpoints(line, feed.endpoints_file)
        document = distribute_scores.run_nightly(line, on=NIGHT)
        yield line, feed, document, copies
    finally:
        hosts.down(line.settings)


@pytest.fixture(scope="module")
def expected(night) -> tuple[list[expectation.Expected], int]:
    line, feed, _, copies = night
    held = _held_lines(line)
    paths = {kind: copies / feed.path(kind).name for kind in FeedKind}
    newest = expectation.newest_rows(paths[FeedKind.RESULTS], left_out=held[paths[FeedKind.RESULTS].name])
    endpoints = {
        entry["code"] for entry in yaml.safe_load(feed.endpoints_file.read_text("utf-8"))["endpoints"]
    }
    directory = expectation.Directory(
        paths[FeedKind.INSTITUTIONS], on=NIGHT, left_out=held[paths[FeedKind.INSTITUTIONS].name]
    )
    return expectation.deliveries(
        newest,
        directory,
        paths[FeedKind.VOUCHER_ORDERS],
        endpoints=endpoints,
        left_out_orders=held[paths[FeedKind.VOUCHER_ORDERS].name],
    )


def _held_lines(line: Line) -> dict[str, set[int]]:
    lines: dict[str, set[int]] = defaultdict(set)
    with line.connect() as conn:
        for name, number in conn.execute(
            "SELECT f.file_name, h.line FROM ledger.hold AS h JOIN ledger.feed AS f USING (feed_id)"
            " WHERE h.kind = 'row'"
        ):
            lines[name].add(number)
    return lines


def _first_occasion_keys(expected: list[expectation.Expected], channel: str) -> Counter:
    return Counter((each.recipient, each.row["result_id"]) for each in expected if each.channel == channel)


def test_the_night_balances_and_says_how_it_ended(night):
    _, _, document, _ = night
    assert document["balanced"] is True
    assert document["faults"] == []
    assert document["exit"] == 0
    received = document["received"]
    assert received["records"] == ROWS
    assert received["records"] == sum(received[part] for part in ("new", "corrected", "duplicate", "held"))
    for carried, out in (("held", ("released", "rejected")), ("waiting", ("delivered", "withdrawn"))):
        line = document["carried"][carried]
        assert line["opening"] + line["added"] - sum(line[part] for part in out) == line["closing"]


def test_every_planted_bad_row_is_held_and_nothing_else(night):
    _, feed, document, _ = night
    held = [planted for planted in feed.planted if planted.reason]
    assert document["received"]["held"] == len(held)


def test_files_hold_exactly_what_the_feed_asked_for(night, expected):
    line, _, document, _ = night
    going, _ = expected
    wanted = {
        (each.recipient, each.row["result_id"]): each.row for each in going if each.channel == "electronic"
    }
    found: Counter = Counter()
    transcripts = _transcripts(line)
    for name in document["files"]:
        di = name.split("_")[1]
        for record in _records(line, di, name):
            key = (di, record["result_id"])
            if key in wanted:
                row = wanted[key]
                assert record["candidate_id"] == row["candidate_id"]
                assert int(record["scaled_score"]) == int(row["scaled_score"])
                assert record["action"] == "N"
                assert record["birth_date"] == row["birth_date"]
                if record["last_name"].isascii() == row["last_name"].isascii():
                    assert record["last_name"] == unicodedata.normalize("NFC", row["last_name"])
            found[key] += 1
    assert found - transcripts == Counter(dict.fromkeys(wanted, 1))


def _transcripts(line: Line) -> Counter:
    """Deliveries that a transcript request asked for: they come on top of the rows' own."""
    with line.connect() as conn:
        rows = conn.execute(
            "SELECT recipient, result_id FROM ledger.delivery"
            " WHERE occasion LIKE 'transcript:%' AND channel = 'electronic' AND state = 'delivered'"
        ).fetchall()
    return Counter((recipient, result) for recipient, result in rows)


def _records(line: Line, di: str, name: str) -> Iterator[dict[str, str]]:
    """The D records of a file as its DI finds them in its own folder, read by the published layout."""
    endpoint = _endpoint(line, di)
    drop = next((line.settings.demo / "drops" / di).rglob(name))
    text = drop.read_bytes().decode(endpoint["encoding"])
    if name.endswith(".csv"):
        yield from csv.DictReader(io.StringIO(text))
        return
    fields = _spec(endpoint["layout"])["records"]["D"]
    for record in text.splitlines():
        if record.startswith("D"):
            yield {
                field["name"]: record[field["start"] - 1 : field["start"] - 1 + field["length"]].strip()
                for field in fields
            }


def _endpoint(line: Line, di: str) -> dict[str, str]:
    with line.connect() as conn:
        row = conn.execute("SELECT settings FROM ledger.endpoint_version WHERE code = %s", [di]).fetchone()
    return row[0]


@cache
def _spec(layout: str) -> dict:
    printed = subprocess.run(
        [sys.executable, "-m", "distribution", "layout", "spec", layout, "--json"],
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(printed.stdout)


def test_paper_holds_exactly_what_the_feed_asked_for(night, expected):
    line, _, document, _ = night
    going, _ = expected
    wanted = [each for each in going if each.channel == "paper"]
    held = _held_on_paper(line)
    pages = _pages_by_di(line, document["batches"])
    printed = 0
    for each in wanted:
        row = each.row
        if (each.recipient, row["result_id"]) in held:
            continue
        printed += 1
        title = _squeezed(title_of(row["exam_code"], date.fromisoformat(row["test_date"])))
        texts = [
            text
            for text in pages[each.recipient]
            if row["candidate_id"] in text and title in text and row["scaled_score"] in text
        ]
        assert texts, f"result {row['result_id']} is not on paper for {each.recipient}"
        for part in ("last_name", "first_name"):
            assert all(_squeezed(row[part]) in text for text in texts), row["result_id"]
    transcripts = _count(line, "channel = 'paper' AND occasion LIKE 'transcript:%' AND batch_id IS NOT NULL")
    assert document["deliveries"]["paper"] == printed + transcripts
    assert printed > 50


def _held_on_paper(line: Line) -> set[tuple[str, str]]:
    with line.connect() as conn:
        return set(
            conn.execute(
                "SELECT recipient, result_id FROM ledger.delivery WHERE channel = 'paper' AND state = 'held'"
            ).fetchall()
        )


def _pages_by_di(line: Line, batches: list[str]) -> dict[str, list[str]]:
    """The text of each page (blanks squeezed, names as NFC) by the DI that the manifest gives it to."""
    pages: dict[str, list[str]] = defaultdict(list)
    for batch in batches:
        pdf = line.settings.paper_outbox / f"{batch}.pdf"
        text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout
        texts = [_squeezed(page) for page in text.decode("utf-8").split("\f")]
        with (line.settings.paper_outbox / f"{batch}-manifest.csv").open(newline="") as rows:
            for row in csv.DictReader(rows):
                for number in range(int(row["first_page"]), int(row["last_page"]) + 1):
                    pages[row["di"]].append(texts[number - 1])
    return pages


def _squeezed(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def test_schools_see_exactly_what_the_feed_asked_for(night, expected):
    line, _, document, _ = night
    going, _ = expected
    wanted = {(each.recipient, each.row["result_id"]): each for each in going if each.channel == "portal"}
    with line.connect() as conn:
        staged = conn.execute(
            "SELECT school_code, result_id, last_name, scaled_score, seen_because"
            " FROM portal.staged_score WHERE shown"
        ).fetchall()
    found = {}
    for school, result, name, score, because in staged:
        assert (school, result) not in found
        found[school, result] = because
        if (school, result) in wanted:
            each = wanted[school, result]
            assert score == int(each.row["scaled_score"])
            assert name == unicodedata.normalize("NFC", each.row["last_name"])
            assert set(each.reasons) <= set(because.split())
    transcripts = {key for key, because in found.items() if because == "transcript"}
    assert set(found) - transcripts == set(wanted)
    assert document["deliveries"]["portal"] == len(staged)


def test_held_deliveries_are_those_that_the_directory_cannot_place(night, expected):
    line, _, document, _ = night
    _, held = expected
    on_paper = "state = 'held' AND channel = 'paper' AND state_reason <> 'withheld'"
    transcripts = "state = 'held' AND occasion LIKE 'transcript:%'"
    placed_by_channel = _count(line, f"{on_paper} AND NOT ({transcripts})")
    assert document["deliveries"]["held"] == held + placed_by_channel + _count(line, transcripts)


def _count(line: Line, condition: str) -> int:
    with line.connect() as conn:
        row = conn.execute(f"SELECT count(*) FROM ledger.delivery WHERE {condition}").fetchone()
    return row[0]


def test_a_second_run_the_same_night_sends_nothing_twice(night):
    line, _, first, _ = night
    before = _everything_out(line)
    document = distribute_scores.run_nightly(line, on=NIGHT)
    assert document["balanced"] is True
    assert document["received"] == dict.fromkeys(first["received"], 0)
    assert not document["batches"]
    assert not document["files"]
    sent = document["deliveries"]
    assert [sent[channel] for channel in ("paper", "electronic", "portal")] == [0, 0, 0]
    assert document["carried"]["held"]["opening"] == first["carried"]["held"]["closing"]
    assert document["carried"]["waiting"]["opening"] == first["carried"]["waiting"]["closing"]
    assert _everything_out(line) == before


def _everything_out(line: Line) -> dict[str, bytes]:
    folders = (line.settings.paper_outbox, line.settings.demo / "drops")
    return {
        str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    }
