"""Feeds are refused, recognised or recorded whole, and put away; nothing ever happens twice."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distribution.errors import AnotherRunHoldsTheLock, FeedRefused, UsageError
from distribution.jobs.ingest_feeds import check_file, ingest_files, ingest_inbox
from distribution.jobs.list_feeds import gaps, list_feeds, long_arriving
from distribution.ledger import feeds, locks
from distribution.model import FeedKind, FeedState
from tests.support.dead_runs import wait_until_seen_to_be_dead
from tests.support.feeds import (
    DAY,
    contact_row,
    csv_bytes,
    institution_row,
    order_row,
    result_row,
    school_row,
    transcript_row,
    write_bytes,
    write_feed,
)


def states(outcome):
    return [(feed.file, feed.state, feed.code) for feed in outcome.feeds]


def count(line, query):
    with line.connect() as conn:
        return conn.execute(query).fetchone()[0]


def test_a_whole_inbox_is_taken_in_the_nights_order(line):
    inbox = line.settings.inbox
    write_feed(inbox, "transcript_requests", [transcript_row()])
    write_feed(inbox, "results", [result_row(funding="voucher", voucher_order_id="V-0001")])
    write_feed(inbox, "voucher_orders", [order_row()])
    write_feed(inbox, "contacts", [contact_row()])
    write_feed(inbox, "institutions", [institution_row(), school_row()])

    outcome = ingest_inbox(line)

    assert [feed.feed for feed in outcome.feeds] == [
        "institutions", "contacts", "voucher_orders", "results", "transcript_requests",
    ]  # fmt: skip
    assert [feed.new for feed in outcome.feeds] == [2, 1, 1, 1, 1]
    assert all(feed.state is FeedState.RECORDED for feed in outcome.feeds)
    assert len(list((inbox / "processed" / "2026-11-23").iterdir())) == 10


def test_feeds_of_a_kind_are_taken_by_date_and_number(line):
    inbox = line.settings.inbox
    row = result_row
    write_feed(inbox, "results", [row(revision=4, first_name="d")], number=2)
    write_feed(inbox, "results", [row(revision=3, first_name="c")], number=1)
    write_feed(inbox, "results", [row(revision=2, first_name="b")], number=9, day=DAY - timedelta(1))
    write_feed(inbox, "results", [row(revision=1)], day=DAY - timedelta(1))

    outcome = ingest_inbox(line)

    assert [(feed.new, feed.corrected) for feed in outcome.feeds] == [(1, 0), (0, 1), (0, 1), (0, 1)]


def test_marks_and_line_ends_of_any_kind_are_taken(line):
    for number, (newline, bom) in enumerate(itertools.product(["\n", "\r\n"], [False, True]), start=1):
        row = result_row(result_id=f"R-{number}", candidate_id=f"C-{number}")
        write_feed(line.settings.inbox, "results", [row], newline=newline, bom=bom, number=number)

    assert [feed.new for feed in ingest_inbox(line).feeds] == [1, 1, 1, 1]


def test_mixed_line_ends_and_blank_lines_are_taken(line):
    content = csv_bytes("results", [result_row(), result_row(result_id="R-2", candidate_id="C-2")])
    header, first, second = content.splitlines()
    content = b"\r\n".join([header, b"", first]) + b"\n\n" + second
    write_bytes(line.settings.inbox / "results-20261122-001.csv", content, records=2, score_total=114)

    assert ingest_inbox(line).feeds[0].new == 2


GOOD = csv_bytes("results", [result_row()])
REFUSALS = {
    "control-unreadable": {"control_bytes": b"{"},
    "control-mismatch": {"records": 2},
    "columns": {"content": GOOD.replace(b"scaled_score", b"score")},
    "encoding": {"content": GOOD.replace("ễ".encode(), b"\xff")},
    "nul": {"content": GOOD.replace("ễ".encode(), b"\0")},
    "bare-cr": {"content": GOOD.replace("ễ".encode(), b"\r")},
    "quote": {"content": GOOD.replace("ễ".encode(), b'"')},
    "row-shape": {"content": GOOD + b"1,2\n"},
    "name": {"file": "results-20261131-001.csv"},
    "too-large": {"content": GOOD.replace("ễ".encode(), b"x" * 70_000)},
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_feed_leaves_nothing_behind_but_its_reason(line, code):
    case = dict(REFUSALS[code])
    control_bytes = case.pop("control_bytes", None)
    path = line.settings.inbox / case.pop("file", "results-20261122-001.csv")
    write_bytes(path, case.pop("content", GOOD), **{"records": 1, "score_total": 57, **case})
    if control_bytes:
        path.with_name(path.name + ".control.json").write_bytes(control_bytes)

    outcome = ingest_inbox(line)

    assert states(outcome) == [(path.name, FeedState.REFUSED, code)]
    assert outcome.refused == 1
    reason = json.loads((line.settings.refused / f"{path.name}.reason.json").read_text())
    assert set(reason) == {"schema_version", "file", "code", "detail", "what_to_do", "seen_at"}
    assert reason["code"] == code
    assert "Nguy" not in json.dumps(reason)
    assert sorted(each.name for each in line.settings.refused.iterdir()) == [
        path.name, f"{path.name}.control.json", f"{path.name}.reason.json",
    ]  # fmt: skip
    assert count(line, "SELECT count(*) FROM ledger.result_version") == 0
    assert count(line, "SELECT count(*) FROM ledger.hold") == 0


def test_a_refused_feed_does_not_stop_the_others_and_may_come_again(line):
    inbox = line.settings.inbox
    write_feed(inbox, "results", [result_row()], records=7)
    write_feed(inbox, "results", [result_row(result_id="R-2", candidate_id="C-2")], number=2)

    assert [feed.state for feed in ingest_inbox(line).feeds] == [FeedState.REFUSED, FeedState.RECORDED]
    write_feed(inbox, "results", [result_row()])
    assert ingest_inbox(line).feeds[0].new == 1


def test_the_name_of_a_recorded_feed_with_other_bytes_is_refused(line):
    write_feed(line.settings.inbox, "results", [result_row()])
    ingest_inbox(line)
    write_feed(line.settings.inbox, "results", [result_row(revision=2)])

    assert ingest_inbox(line).feeds[0].code == "name-reused"


@pytest.mark.parametrize("number", [1, 2])
def test_the_same_bytes_again_are_a_duplicate_under_any_name(line, number):
    write_feed(line.settings.inbox, "results", [result_row()])
    ingest_inbox(line)
    write_feed(line.settings.inbox, "results", [result_row()], number=number)

    outcome = ingest_inbox(line)

    assert outcome.feeds[0].state is FeedState.DUPLICATE
    assert outcome.refused == 0
    assert count(line, "SELECT count(*) FROM ledger.result_version") == 1
    assert not [path for path in line.settings.inbox.iterdir() if path.is_file()]


def test_the_same_bytes_with_a_wrong_control_file_are_refused(line):
    write_feed(line.settings.inbox, "results", [result_row()])
    ingest_inbox(line)
    write_feed(line.settings.inbox, "results", [result_row()], number=2, score_total=58)

    assert ingest_inbox(line).feeds[0].code == "control-mismatch"


def test_what_is_no_complete_feed_is_left_alone(line, tmp_path):
    inbox = line.settings.inbox
    write_feed(tmp_path, "results", [result_row()])
    (inbox / "results-20261122-001.csv").symlink_to(tmp_path / "results-20261122-001.csv")
    shutil.copy(tmp_path / "results-20261122-001.csv.control.json", inbox)
    (inbox / "results-20261122-002.csv").write_bytes(GOOD)
    (inbox / "results-20261122-003.csv.control.json").write_text("{}")
    (inbox / ".hidden.csv").write_bytes(GOOD)
    (inbox / ".hidden.csv.control.json").write_text("{}")
    (inbox / "folder.csv").mkdir()
    before = sorted(path.name for path in inbox.iterdir())

    assert ingest_inbox(line).feeds == ()
    assert sorted(path.name for path in inbox.iterdir()) == before


def test_a_feed_that_lacks_its_control_file_is_arriving_and_named_after_a_day(line):
    path = line.settings.inbox / "results-20261122-002.csv"
    path.write_bytes(GOOD)
    old = line.now() - timedelta(hours=25)

    listed = list_feeds(line)
    assert [(row["file"], row["state"]) for row in listed] == [(path.name, "arriving")]
    os.utime(path, (old.timestamp(), old.timestamp()))
    assert long_arriving(line) == [path.name]


def test_named_feeds_stay_where_they_are(line, tmp_path):
    path = write_feed(tmp_path, "results", [result_row()])
    bad = write_feed(tmp_path, "results", [result_row(revision=2)], number=2, records=5)

    outcome = ingest_files(line, [bad, path])

    assert [feed.state for feed in outcome.feeds] == [FeedState.RECORDED, FeedState.REFUSED]
    assert len(list(tmp_path.glob("results-*"))) == 4
    path.with_name(path.name + ".control.json").unlink()
    with pytest.raises(UsageError):
        ingest_files(line, [path])


def test_a_check_tells_what_would_happen_and_records_nothing(line, tmp_path):
    rows = [result_row(), result_row(result_id="R-2", scaled_score="99")]
    path = write_feed(tmp_path, "results", rows)

    checked = check_file(line, path)

    assert (checked.outcome.new, checked.outcome.held) == (1, 1)
    assert checked.held == ((3, "score-out-of-range", "scaled_score"),)
    assert count(line, "SELECT count(*) FROM ledger.feed") == 0
    bad = write_feed(tmp_path, "results", [result_row()], number=2, records=5)
    with pytest.raises(FeedRefused):
        check_file(line, bad)


def test_history_is_marked_on_feed_and_revisions(line, tmp_path):
    path = write_feed(tmp_path, "results", [result_row()])

    ingest_files(line, [path], history=True)

    assert count(line, "SELECT history FROM ledger.feed")
    assert count(line, "SELECT history FROM ledger.result_version")


def test_a_second_ingest_at_the_same_time_finds_the_lock_taken(line):
    with (
        line.connect(autocommit=True) as conn,
        locks.held(conn, locks.INGEST),
        pytest.raises(AnotherRunHoldsTheLock),
    ):
        ingest_inbox(line)


def test_missing_numbers_and_parts_are_told(line):
    inbox = line.settings.inbox
    write_feed(inbox, "results", [result_row()], number=2)
    write_feed(inbox, "voucher_orders", [], number=1, parts=3)
    ingest_inbox(line)

    assert gaps(line, DAY + timedelta(1)) == [
        feeds.Gap(FeedKind.RESULTS, DAY, (1,)),
        feeds.Gap(FeedKind.VOUCHER_ORDERS, DAY, (2, 3)),
    ]
    assert gaps(line, date(2027, 1, 1)) == []


KILLED_AT = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from distribution.jobs import inbox, ingest_feeds
from distribution.jobs.wiring import Line
from distribution.settings import Settings

home, url, now, moves = sys.argv[1:]
left = int(moves)

def replace(source, target, real=os.replace):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    real(source, target)

inbox.os.replace = replace
settings = Settings(home=Path(home), database_url=url)
ingest_feeds.ingest_inbox(Line(settings=settings, url=url, now=lambda: datetime.fromisoformat(now)))
"""


@pytest.mark.parametrize("moves", [0, 1])
@pytest.mark.parametrize("records", [2, 7])
def test_a_run_killed_between_commit_and_move_is_taken_over(line, moves, records):
    inbox = line.settings.inbox
    rows = [result_row(), result_row(result_id="R-2", scaled_score="99")]
    path = write_feed(inbox, "results", rows, records=records)
    arguments = [str(line.settings.home), line.url, line.now().isoformat(), str(moves + (records == 7))]
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    wait_until_seen_to_be_dead(line)

    outcome = ingest_inbox(line)

    told = [(feed.state, feed.new, feed.held) for feed in outcome.feeds]
    assert told in ([(FeedState.RECORDED, 1, 1)], [(FeedState.REFUSED, 0, 0)], [])
    assert (told == [(FeedState.RECORDED, 1, 1)]) == (records == 2)
    assert not [left for left in inbox.iterdir() if left.is_file()]
    assert count(line, "SELECT count(*) FROM ledger.feed") == 1
    assert count(line, "SELECT count(*) FROM ledger.hold") == (1 if records == 2 else 0)
    folder = inbox / "processed" / "2026-11-23" if records == 2 else line.settings.refused
    assert (folder / path.name).is_file()
    assert (folder / f"{path.name}.control.json").is_file()
    assert ingest_inbox(line).feeds == ()


def test_a_feed_without_a_known_signers_signature_is_refused(line, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signers = tmp_path / "signers"
    signers.write_text("board@example.org " + key.with_suffix(".pub").read_text())
    strict = replace(line, settings=line.settings.model_copy(update={"feed_signers": signers}))
    inbox = line.settings.inbox
    write_feed(inbox, "results", [result_row()])
    other = result_row(result_id="R-2", candidate_id="C-2")
    signed = write_feed(inbox, "results", [other], number=2)
    control = f"{signed}.control.json"
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "score-feed", control], check=True
    )

    assert [feed.code for feed in ingest_inbox(strict).feeds] == ["signature", ""]


random_rows = st.lists(
    st.fixed_dictionaries(
        {
            "result_id": st.sampled_from(["R-1", "R-2", "R-3"]),
            "candidate_id": st.sampled_from(["C-1", "C-2"]),
            "revision": st.sampled_from(["1", "2", "3", "0"]),
            "status": st.sampled_from(["scored", "scored", "cancelled"]),
            "scaled_score": st.sampled_from(["50", "60", "", "99"]),
            "exam_code": st.sampled_from(["FINACC", "BUSLAW"]),
            "test_date": st.sampled_from(["2026-11-20", "2026-06-20", "2026-09-20"]),
            "last_name": st.sampled_from(["Null", "x\ty"]),
        }
    ),
    max_size=8,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(nights=st.lists(random_rows, min_size=1, max_size=3))
def test_every_record_received_is_new_corrected_duplicate_or_held(line, nights):
    number = count(line, "SELECT coalesce(max(number), 0) FROM ledger.feed")
    for place, rows in enumerate(nights, start=number + 1):
        write_feed(line.settings.inbox, "results", [result_row(**row) for row in rows], number=place)

    outcome = ingest_inbox(line)

    for feed in outcome.feeds:
        assert feed.state in (FeedState.RECORDED, FeedState.DUPLICATE)
        assert feed.records == feed.new + feed.corrected + feed.duplicate + feed.held
    written = count(line, "SELECT count(*) FROM ledger.result_version")
    assert written == count(line, "SELECT coalesce(sum(new + corrected), 0) FROM ledger.feed")
    assert count(line, "SELECT count(*) FROM ledger.hold") == count(
        line, "SELECT coalesce(sum(held), 0) FROM ledger.feed"
    )
    assert count(line, "SELECT count(DISTINCT (result_id, revision)) FROM ledger.result_version") == written
    assert count(line, "SELECT count(*) FROM ledger.result_version WHERE latest") == count(
        line, "SELECT count(DISTINCT result_id) FROM ledger.result_version"
    )
    assert count(line, "SELECT count(*) FROM ledger.result_version WHERE kind = 'new'") == count(
        line, "SELECT count(DISTINCT result_id) FROM ledger.result_version"
    )
