"""Every row is accepted or held, each held one for the reason that a person can act on."""

import unicodedata

import pandas as pd
import pytest

from distribution.exams import catalogue
from distribution.ingest import check, read
from distribution.ingest.gate import Limits
from distribution.ingest.rules import OnFile
from distribution.model import FeedKind
from tests.support.feeds import (
    DAY,
    contact_row,
    csv_bytes,
    district_row,
    institution_row,
    order_row,
    result_row,
    school_row,
    transcript_row,
)

ON_FILE = OnFile(
    catalogue=catalogue(),
    orders=frozenset({"V-0001"}),
    organizations=frozenset({"4471"}),
    candidates=frozenset({"C-0001"}),
    institutions=pd.DataFrame(
        {"code": ["4400", "4401"], "kind": ["college", "college"], "successor_code": ["", "4402"]},
        dtype="str",
    ),
)


def split(kind: str, *rows: dict[str, str]) -> check.Checked:
    frame = read.read_rows(csv_bytes(kind, rows), kind=FeedKind(kind), limits=Limits())
    return check.split(frame, kind=FeedKind(kind), feed_date=DAY, on_file=ON_FILE)


def held(kind: str, *rows: dict[str, str]) -> list[tuple[str, str]]:
    found = split(kind, *rows).held
    return list(zip(found["reason"], found["column_name"], strict=True))


@pytest.mark.parametrize(
    ("changes", "reason", "column"),
    [
        ({"result_id": ""}, "bad-value", "result_id"),
        ({"result_id": "R_1"}, "bad-value", "result_id"),
        ({"result_id": "R" * 33}, "field-too-long", "result_id"),
        ({"revision": "0"}, "bad-value", "revision"),
        ({"revision": "01"}, "bad-value", "revision"),
        ({"revision": "+1"}, "bad-value", "revision"),
        ({"revision": "1.0"}, "bad-value", "revision"),
        ({"revision": "1000000"}, "bad-value", "revision"),
        ({"revision": "١"}, "bad-value", "revision"),
        ({"status": "Scored"}, "bad-value", "status"),
        ({"candidate_id": "C" * 21}, "field-too-long", "candidate_id"),
        ({"candidate_id": "C 1"}, "bad-value", "candidate_id"),
        ({"last_name": ""}, "bad-characters", "last_name"),
        ({"last_name": " \u00a0 "}, "bad-characters", "last_name"),
        ({"last_name": "x" * 61}, "field-too-long", "last_name"),
        ({"last_name": "a\tb"}, "bad-characters", "last_name"),
        ({"last_name": "a\nb"}, "bad-characters", "last_name"),
        ({"last_name": "a\u0085b"}, "bad-characters", "last_name"),
        ({"last_name": "a\u202eb"}, "bad-characters", "last_name"),
        ({"last_name": "\u0301\u0302"}, "bad-characters", "last_name"),
        ({"first_name": "A\ufffdB"}, "bad-characters", "first_name"),
        ({"middle_name": "\u0301"}, "bad-characters", "middle_name"),
        ({"recipient_1": "44\x0771"}, "bad-characters", "recipient_1"),
        ({"test_center_code": "a\tb"}, "bad-characters", "test_center_code"),
        ({"x_note": "a\tb"}, "bad-characters", "x_note"),
        ({"birth_date": "2008-02-30"}, "bad-value", "birth_date"),
        ({"birth_date": "2008-2-3"}, "bad-value", "birth_date"),
        ({"birth_date": "20080203"}, "bad-value", "birth_date"),
        ({"birth_date": "1899-12-31"}, "bad-value", "birth_date"),
        ({"birth_date": "2026-11-20"}, "birth-after-test", "birth_date"),
        ({"birth_date": ""}, "bad-value", "birth_date"),
        ({"test_date": "2026-11-24", "scored_on": ""}, "date-in-future", "test_date"),
        ({"test_date": "2026-11-24"}, "date-in-future", "test_date"),
        ({"scored_on": "2026-11-19"}, "bad-value", "scored_on"),
        ({"gender": "f"}, "bad-value", "gender"),
        ({"exam_code": "ZZZZ"}, "unknown-exam", "exam_code"),
        ({"scaled_score": ""}, "bad-value", "scaled_score"),
        ({"scaled_score": "19"}, "score-out-of-range", "scaled_score"),
        ({"scaled_score": "81"}, "score-out-of-range", "scaled_score"),
        ({"scaled_score": "057"}, "bad-value", "scaled_score"),
        ({"scaled_score": "57.0"}, "bad-value", "scaled_score"),
        ({"scaled_score": "５７"}, "bad-value", "scaled_score"),
        ({"status": "cancelled"}, "bad-value", "scaled_score"),
        ({"funding": "gift"}, "bad-value", "funding"),
        ({"funding": "voucher"}, "unknown-order", "voucher_order_id"),
        ({"funding": "voucher", "voucher_order_id": "V-9"}, "unknown-order", "voucher_order_id"),
        ({"attending_code": "4471"}, "bad-value", "attending_code"),
        ({"recipient_1": "44711"}, "bad-value", "recipient_1"),
        ({"recipient_2": "1"}, "bad-value", "recipient_2"),
        ({"test_center_code": "x" * 11}, "field-too-long", "test_center_code"),
        ({"grade": "x" * 61}, "field-too-long", "grade"),
    ],
)
def test_a_result_outside_the_forms_is_held_with_reason_and_column(changes, reason, column):
    assert held("results", result_row(**changes)) == [(reason, column)]


def test_an_exam_is_not_offered_outside_its_dates():
    closed = next(row for row in catalogue() if row.valid_to.year < 2026)
    dates = {"test_date": "2026-11-20", "exam_code": closed.code}
    still = any(row.code == closed.code and row.in_force_on(DAY) for row in catalogue())

    expected = [] if still else [("exam-not-offered", "exam_code")]
    assert held("results", result_row(**dates)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"last_name": name}
        for name in ["None", "NaN", "NA", "Null", "nan", "N/A", "007", "null", "TRUE", "-", "=1+1", "O'Brien"]
    ]
    + [
        {"last_name": "Nguyễn"},
        {"last_name": "क\u200d्ष"},
        {"last_name": "x" * 60},
        {"first_name": "", "middle_name": " "},
        {"gender": ""},
        {"test_date": "2026-11-23", "scored_on": ""},
        {"scaled_score": "20"},
        {"scaled_score": "80"},
        {"status": "cancelled", "scaled_score": ""},
        {"status": "withheld", "scaled_score": ""},
        {"funding": "voucher", "voucher_order_id": "V-0001"},
        {"funding": "self", "voucher_order_id": "nobody knows it"},
        {"recipient_1": "9999", "recipient_2": "999999", "attending_code": "970000"},
        {"recipient_1": ""},
        {"test_date": "2006-11-20", "scored_on": "", "birth_date": "1988-01-01"},
        {"birth_date": "1900-01-01"},
        {"revision": "999999"},
        {"x_note": "ä\u202e"},
    ],
)
def test_a_result_inside_the_forms_is_accepted(changes):
    assert held("results", result_row(**changes)) == []


@pytest.mark.parametrize("name", ["None", "NaN", "NA", "Null", "nan", "N/A", "007", "", "1e5"])
def test_names_that_look_like_nothing_or_numbers_stay_as_they_are(name):
    accepted = split("results", result_row(first_name=name, last_name=name or "x")).accepted

    assert accepted["first_name"].tolist() == [name]


def test_blanks_are_trimmed_runs_become_one_and_texts_are_nfc():
    decomposed = unicodedata.normalize("NFD", "Nguyễn")
    row = result_row(last_name=f"\u00a0 {decomposed}  Van\u00a0\u00a0Dyke ", result_id=" R-1\u00a0")

    accepted = split("results", row).accepted

    assert accepted.loc[0, "last_name"] == "Nguyễn Van Dyke"
    assert accepted.loc[0, "result_id"] == "R-1"


def test_lengths_are_counted_after_nfc():
    sixty = unicodedata.normalize("NFD", "é" * 60)

    assert held("results", result_row(last_name=sixty)) == []


def test_a_held_row_keeps_its_cells_as_they_came_and_its_physical_line():
    checked = split("results", result_row(), result_row(last_name="a\nb"), result_row(scaled_score=" 81"))

    assert checked.held["line"].tolist() == [3, 5]
    assert '"scaled_score": " 81"' in checked.held.loc[1, "cells"]
    assert checked.accepted["line"].tolist() == [2]


def test_a_row_with_several_faults_is_held_for_the_first_in_order():
    row = result_row(scaled_score="81", last_name="x\ty", exam_code="ZZZZ")

    assert held("results", row) == [("bad-characters", "last_name")]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (institution_row(code="44711"), "code"),
        (institution_row(code="447 "), "code"),
        (institution_row(code="447101"), "code"),
        (school_row(code="3100"), "code"),
        (institution_row(name=""), "name"),
        (institution_row(kind="College"), "kind"),
        (institution_row(delivery_method="fax"), "delivery_method"),
        (school_row(delivery_method="paper"), "delivery_method"),
        (institution_row(country="USA"), "country"),
        (institution_row(country="XX"), "country"),
        (institution_row(status="shut"), "status"),
        (institution_row(time_zone="Mars/Olympus"), "time_zone"),
        (institution_row(valid_from="2026-13-01"), "valid_from"),
        (institution_row(valid_from=""), "valid_from"),
        (institution_row(successor_code="4471"), "successor_code"),
        (institution_row(successor_code="9999"), "successor_code"),
        (institution_row(code="4402", successor_code="4401"), "successor_code"),
        (school_row(district_code="399999"), "district_code"),
        (school_row(state=""), "state"),
        (school_row(postal_code=""), "postal_code"),
    ],
)
def test_an_institution_outside_the_forms_is_held(row, column):
    assert held("institutions", row) == [("bad-value", column)]


@pytest.mark.parametrize(
    "row",
    [
        institution_row(address_1="", city="", state="", postal_code="", country=""),
        institution_row(delivery_method=""),
        institution_row(time_zone="", attention="", district_code=""),
        institution_row(country="CA", state="", postal_code=""),
        institution_row(successor_code="4400", status="closed"),
        school_row(delivery_method=""),
        school_row(country="JP", state="", postal_code=""),
        institution_row(valid_from="2030-01-01"),
    ],
)
def test_an_institution_inside_the_forms_is_accepted(row):
    assert held("institutions", row) == []


def test_districts_and_successors_are_looked_up_in_the_whole_feed():
    rows = [
        school_row(district_code="390001"),
        institution_row(code="4480", successor_code="4481", status="closed"),
        institution_row(code="4481"),
        district_row(),
    ]

    assert held("institutions", *rows) == []


def test_successors_that_lead_back_are_all_held():
    rows = [
        institution_row(code="4480", successor_code="4481"),
        institution_row(code="4481", successor_code="4482"),
        institution_row(code="4482", successor_code="4480"),
        institution_row(code="4483"),
    ]

    assert held("institutions", *rows) == [("bad-value", "successor_code")] * 3


def test_a_code_twice_with_different_content_is_held_twice():
    rows = [institution_row(), institution_row(name="Another"), institution_row(code="4480")]

    assert held("institutions", *rows) == [("bad-value", "code")] * 2


def test_empty_methods_and_zones_mean_portal_and_new_york():
    accepted = split("institutions", school_row(delivery_method="", time_zone="")).accepted

    assert accepted.loc[0, "delivery_method"] == "portal"
    assert accepted.loc[0, "time_zone"] == "America/New_York"


@pytest.mark.parametrize(
    ("kind", "row", "reason", "column"),
    [
        ("contacts", contact_row(organization_code="9999"), "unknown-organization", "organization_code"),
        ("contacts", contact_row(role="boss"), "bad-value", "role"),
        ("contacts", contact_row(name=""), "bad-value", "name"),
        ("contacts", contact_row(email="pat"), "bad-value", "email"),
        ("contacts", contact_row(email="a@example.org, b@example.org"), "bad-value", "email"),
        ("contacts", contact_row(email="Pat <pat@example.org>"), "bad-value", "email"),
        ("contacts", contact_row(email="pat@example.org\nBcc: x@example.org"), "bad-characters", "email"),
        ("contacts", contact_row(valid_from="soon"), "bad-value", "valid_from"),
        ("contacts", contact_row(valid_to="2019-12-31"), "bad-value", "valid_to"),
        ("voucher_orders", order_row(order_id=""), "bad-value", "order_id"),
        ("voucher_orders", order_row(organization_code="9999"), "unknown-organization", "organization_code"),
        ("voucher_orders", order_row(quantity="0"), "bad-value", "quantity"),
        ("voucher_orders", order_row(quantity="10001"), "bad-value", "quantity"),
        ("voucher_orders", order_row(quantity="025"), "bad-value", "quantity"),
        ("voucher_orders", order_row(status="open"), "bad-value", "status"),
        ("voucher_orders", order_row(ordered_on="2026-02-29"), "bad-value", "ordered_on"),
        ("transcript_requests", transcript_row(candidate_id="C-9"), "unknown-candidate", "candidate_id"),
        ("transcript_requests", transcript_row(recipient="310001"), "bad-value", "recipient"),
        ("transcript_requests", transcript_row(requested_on=""), "bad-value", "requested_on"),
    ],
)
def test_rows_of_the_other_feeds_outside_the_forms_are_held(kind, row, reason, column):
    assert held(kind, row) == [(reason, column)]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("contacts", contact_row(valid_to="2030-01-01", email="jürgen@example.org")),
        ("voucher_orders", order_row(quantity="10000")),
        ("transcript_requests", transcript_row(recipient="9999")),
    ],
)
def test_rows_of_the_other_feeds_inside_the_forms_are_accepted(kind, row):
    assert held(kind, row) == []


def test_the_total_counts_ascii_digits_of_scored_rows_as_they_came():
    rows = [result_row(scaled_score=cell) for cell in ["57", " 57", "５７", "057", "99", "", "5e1", "-1"]] + [
        result_row(scaled_score="60", status="withheld")
    ]
    frame = read.read_rows(csv_bytes("results", rows), kind=FeedKind.RESULTS, limits=Limits())

    assert read.score_total(frame, kind=FeedKind.RESULTS) == 57 + 57 + 99
