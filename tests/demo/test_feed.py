"""The demo's feeds: right in form, the same for a seed, and wrong only where they mean to be."""

import csv
import hashlib
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from distribution import exams
from distribution.demo.faults import Planted
from distribution.demo.feed import DemoFeed, write_demo_feed
from distribution.demo.people import SHOWCASE
from distribution.model import FeedKind, RowHoldReason

MONDAY, TUESDAY, NEXT_WEEK = date(2026, 11, 23), date(2026, 11, 24), date(2026, 12, 2)
# Of a results feed; the three others come from master data and requests.
REASONS = set(RowHoldReason) - {RowHoldReason.UNKNOWN_ORGANIZATION, RowHoldReason.UNKNOWN_CANDIDATE}

Row = dict[str, str]


def rows_of(feed: DemoFeed, kind: FeedKind = FeedKind.RESULTS) -> list[Row]:
    with feed.path(kind).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def control_of(path: Path) -> dict[str, object]:
    return json.loads(path.with_name(f"{path.name}.control.json").read_text("utf-8"))


def write(folder: Path, *, rows: int = 1500, seed: int = 1, day: date = MONDAY) -> DemoFeed:
    return write_demo_feed(folder, rows=rows, seed=seed, day=day)


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> DemoFeed:
    return write(tmp_path_factory.mktemp("monday") / "inbox")


def sound(feed: DemoFeed) -> list[Row]:
    """The rows that are not wrong on purpose."""
    wrong = {planted.line for planted in feed.planted}
    return [row for line, row in enumerate(rows_of(feed), start=2) if line not in wrong]


def test_the_same_seed_gives_the_same_bytes(monday, tmp_path):
    again = write(tmp_path / "inbox")
    assert [path.name for path in again.paths] == [path.name for path in monday.paths]
    assert [path.read_bytes() for path in again.paths] == [path.read_bytes() for path in monday.paths]
    assert again.planted == monday.planted


def test_another_seed_gives_other_results_and_shares_no_id(monday, tmp_path):
    other = write(tmp_path / "inbox", seed=2)
    for column in ("result_id", "candidate_id"):
        ids = {row[column] for row in sound(monday)}
        assert ids.isdisjoint(row[column] for row in sound(other))


def test_a_larger_feed_of_the_same_day_repeats_the_smaller_ones_first_revisions(monday, tmp_path):
    larger = write(tmp_path / "inbox", rows=2500)
    known = {row["result_id"]: row for row in sound(larger) if row["revision"] == "1"}
    smaller = {row["result_id"]: row for row in sound(monday) if row["revision"] == "1"}
    assert smaller.items() <= known.items()


@pytest.mark.parametrize("rows", [1, 2, 7, 30, 31, 36, 37, 40, 88, 250, 999])
def test_the_results_feed_has_exactly_as_many_rows_as_asked_for(tmp_path, rows):
    first = write(tmp_path, rows=rows)
    second = write(tmp_path, rows=rows, day=TUESDAY)
    assert len(rows_of(first)) == len(rows_of(second)) == rows


def test_the_control_files_say_what_the_feeds_hold(monday):
    for kind in FeedKind:
        path = monday.path(kind)
        control = control_of(path)
        rows = rows_of(monday, kind)
        total = sum(
            int(row["scaled_score"])
            for row in rows
            if kind is FeedKind.RESULTS and row["status"] == "scored" and row["scaled_score"].isascii()
            if row["scaled_score"].isdigit()
        )
        assert control == {
            "feed": kind,
            "file": path.name,
            "records": len(rows),
            "score_total": total,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }


def test_about_150_organizations_are_on_file(monday):
    rows = rows_of(monday, FeedKind.INSTITUTIONS)
    assert len({row["code"] for row in rows}) == len(rows)
    assert Counter(row["delivery_method"] for row in rows)["electronic"] == 60
    assert Counter(row["delivery_method"] for row in rows)["paper"] == 50
    kinds = Counter(row["kind"] for row in rows)
    assert (kinds["high_school"], kinds["district"], kinds["military"]) == (40, 6, 1)
    districts = {row["code"] for row in rows if row["kind"] == "district"}
    assert {row["district_code"] for row in rows if row["kind"] == "high_school"} == districts


def test_the_special_cases_are_on_file(monday):
    rows = rows_of(monday, FeedKind.INSTITUTIONS)
    codes = {row["code"] for row in rows}
    closed = [row for row in rows if row["status"] == "closed"]
    assert {row["successor_code"] for row in closed} - {""} <= codes
    assert [row["code"] for row in closed if not row["successor_code"]]
    assert {row["country"] for row in rows} == {"US", "CA", "GB", "DE"}
    paper = [row for row in rows if row["delivery_method"] == "paper"]
    assert [row["code"] for row in paper if not row["address_1"]] == ["6113"]
    portal = [row["kind"] for row in rows if row["delivery_method"] == "portal"]
    assert "college" in portal


def test_every_showcase_name_goes_to_paper_to_a_file_and_to_a_school(monday):
    methods = {row["code"]: row["delivery_method"] for row in rows_of(monday, FeedKind.INSTITUTIONS)}
    shown = [row for row in sound(monday) if row["revision"] == "1"][: len(SHOWCASE)]
    names = [(row["last_name"], row["first_name"], row["middle_name"]) for row in shown]
    assert names == list(SHOWCASE)
    assert {"None", "NaN", "NA", "Null", "007", "True", "Nil", "Nguyễn", "Łukasz"} <= {n[0] for n in names}
    for row in shown:
        chosen = [methods[row[column]] for column in ("recipient_1", "recipient_2", "attending_code")]
        assert (chosen, row["status"]) == (["paper", "electronic", "portal"], "scored")


def test_every_reason_to_hold_a_result_is_planted_once_at_least(monday, tmp_path):
    assert {planted.reason for planted in monday.planted} == REASONS
    assert {planted.reason for planted in write(tmp_path, rows=100).planted} == REASONS


def test_about_one_row_in_two_hundred_is_wrong(tmp_path):
    assert len(write(tmp_path, rows=10_000).planted) == 50


def test_a_planted_row_stands_on_the_line_that_is_told(monday):
    rows = rows_of(monday)
    for planted in monday.planted:
        row = rows[planted.line - 2]
        assert (row["result_id"], row["revision"]) == (planted.result_id, planted.revision)


def at(feed: DemoFeed, reason: RowHoldReason) -> list[tuple[Planted, Row]]:
    rows = rows_of(feed)
    return [(one, rows[one.line - 2]) for one in feed.planted if one.reason is reason]


def test_planted_conflicts_and_retakes_stand_after_the_row_that_they_contradict(monday):
    rows = rows_of(monday)
    for planted, row in at(monday, RowHoldReason.REVISION_CONFLICT):
        before = [other for other in rows[: planted.line - 2] if other["result_id"] == row["result_id"]]
        assert len(before) == 1
        assert before[0] != row
    for planted, row in at(monday, RowHoldReason.RETAKE_TOO_SOON):
        before = [
            other
            for other in rows[: planted.line - 2]
            if (other["candidate_id"], other["exam_code"]) == (row["candidate_id"], row["exam_code"])
        ]
        assert len(before) == 1
        assert before[0]["test_date"] < row["test_date"] <= (MONDAY + timedelta(days=1)).isoformat()


def test_nobody_takes_an_exam_twice_by_accident(tmp_path):
    days = [write(tmp_path, rows=3000, day=day) for day in (MONDAY, TUESDAY)]
    sittings = {
        (row["candidate_id"], row["exam_code"], row["result_id"]) for feed in days for row in sound(feed)
    }
    taken = Counter((candidate, exam) for candidate, exam, _ in sittings)
    assert max(taken.values()) == 1


def test_every_sound_row_keeps_the_catalogue_and_the_calendar(monday):
    for row in sound(monday):
        tested = date.fromisoformat(row["test_date"])
        offered = [
            one for one in exams.catalogue() if one.code == row["exam_code"] and one.in_force_on(tested)
        ]
        assert offered, row["result_id"]
        assert (
            row["birth_date"]
            < row["test_date"]
            <= MONDAY.isoformat()
            <= exams.last_reportable_day(tested).isoformat()
        )
        assert row["scored_on"] in ("", max(row["scored_on"], row["test_date"]))
        assert (row["status"] == "scored") == bool(row["scaled_score"])
        assert (row["funding"] == "voucher") == bool(row["voucher_order_id"])


def test_a_feed_has_tests_of_ten_to_twenty_years_ago_and_retired_exams(monday):
    old = [row for row in sound(monday) if row["test_date"] < "2017"]
    retired = {one.code for one in exams.catalogue() if one.valid_to < MONDAY}
    assert len(old) >= 3
    assert retired & {row["exam_code"] for row in old}


def test_a_feed_has_corrections_cancellations_withheld_and_repeated_rows(monday):
    rows = sound(monday)
    later = [row for row in rows if row["revision"] == "2"]
    assert {row["status"] for row in later} == {"scored", "cancelled", "withheld"}
    assert any(count > 1 for count in Counter(tuple(row.values()) for row in rows).values())
    known = {row["result_id"] for row in rows if row["revision"] == "1"}
    assert {row["result_id"] for row in later} <= known


def test_recipients_schools_and_payers_are_of_every_kind(monday):
    rows = sound(monday)
    organizations = {row["code"]: row for row in rows_of(monday, FeedKind.INSTITUTIONS)}
    recipients = {row[column] for row in rows for column in ("recipient_1", "recipient_2")}
    assert {organizations[code]["status"] for code in recipients & organizations.keys()} == {
        "active",
        "closed",
    }
    assert {len(code) for code in recipients} == {0, 4, 6}
    assert recipients - organizations.keys() - {""}
    assert {row["funding"] for row in rows} == {"self", "voucher", "dantes", "other"}
    schools = {row["attending_code"] for row in rows}
    assert {"", "970000"} <= schools
    assert schools & organizations.keys()
    assert schools - organizations.keys() - {"", "970000"}


def test_orders_of_two_windows_are_on_file_and_vouchers_name_them(monday):
    orders = {row["order_id"]: row for row in rows_of(monday, FeedKind.VOUCHER_ORDERS)}
    windows = {row["ordered_on"] >= "2026-06-01" for row in orders.values()}
    assert windows == {True, False}
    assert min(row["ordered_on"] for row in orders.values()) >= "2025-06-01"
    assert {row["voucher_order_id"] for row in sound(monday)} - {""} <= orders.keys()
    buyers = {row["organization_code"] for row in orders.values()}
    kinds = {row["kind"] for row in rows_of(monday, FeedKind.INSTITUTIONS) if row["code"] in buyers}
    assert kinds == {"high_school", "district", "foundation"}


def test_some_schools_that_order_have_no_primary_contact(monday):
    primary = {
        row["organization_code"] for row in rows_of(monday, FeedKind.CONTACTS) if row["role"] == "primary"
    }
    buyers = {row["organization_code"] for row in rows_of(monday, FeedKind.VOUCHER_ORDERS)}
    assert buyers & primary
    assert buyers - primary
    roles = {row["role"] for row in rows_of(monday, FeedKind.CONTACTS)}
    assert roles == {"primary", "coordinator", "alternate", "billing", "technical"}


def test_transcripts_are_asked_for_by_candidates_of_the_feed_but_one(monday):
    asked = [row["candidate_id"] for row in rows_of(monday, FeedKind.TRANSCRIPT_REQUESTS)]
    known = {row["candidate_id"] for row in sound(monday)}
    assert [candidate for candidate in asked if candidate not in known] == asked[-1:]


def test_another_day_brings_new_results_and_corrects_earlier_ones(tmp_path):
    first = write(tmp_path)
    second = write(tmp_path, rows=800, day=NEXT_WEEK)
    known = {row["result_id"]: row for row in rows_of(first)}
    corrections = [row for row in sound(second) if row["result_id"] in known]
    assert {row["result_id"] for row in corrections} == set(second.corrected_earlier)
    assert len(corrections) == 8
    assert {row["status"] for row in corrections} == {"scored", "cancelled", "withheld"}
    for row in corrections:
        assert int(row["revision"]) > 2
        for column in ("candidate_id", "exam_code", "test_date"):
            assert row[column] == known[row["result_id"]][column]
    new = [row for row in rows_of(second) if row["result_id"] not in known]
    assert len(new) == 792


def test_an_earlier_day_is_corrected_wherever_its_feed_lies_now(tmp_path):
    inbox = tmp_path / "inbox"
    first = write(inbox)
    done = inbox / "processed" / "2026-11-23"
    done.mkdir(parents=True)
    for path in sorted(inbox.glob("*.*")):
        path.rename(done / path.name)
    assert write(inbox, day=TUESDAY).corrected_earlier
    assert not write(tmp_path / "elsewhere" / "inbox", day=TUESDAY).corrected_earlier
    assert first.corrected_earlier == ()


def test_another_seeds_results_are_not_corrected(tmp_path):
    write(tmp_path, seed=1)
    assert write(tmp_path, seed=2, day=TUESDAY).corrected_earlier == ()


def test_a_feed_takes_the_next_free_number_of_its_day(tmp_path):
    inbox = tmp_path / "inbox"
    first = write(inbox, rows=50)
    (tmp_path / "refused").mkdir()
    first.path(FeedKind.CONTACTS).rename(tmp_path / "refused" / "contacts-20261123-007.csv")
    second = write(inbox, rows=50)
    assert second.path(FeedKind.RESULTS).name == "results-20261123-002.csv"
    assert second.path(FeedKind.CONTACTS).name == "contacts-20261123-008.csv"
    assert second.path(FeedKind.RESULTS).read_bytes() == first.path(FeedKind.RESULTS).read_bytes()
    assert not list(inbox.glob(".*"))
