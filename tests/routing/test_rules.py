"""Who gets what: the rules of the contract, one by one, without a database."""

import pandas as pd
import pytest

from distribution.exams import programme
from distribution.routing import destinations, rules

INSTITUTIONS = [
    # code, kind, method, status, successor
    ("1001", "college", "paper", "active", ""),
    ("1002", "university", "electronic", "active", ""),
    ("1003", "college", "portal", "active", ""),
    ("1004", "college", "", "active", ""),
    ("1005", "college", "electronic", "active", ""),  # without an endpoint
    ("1006", "college", "paper", "closed", "1001"),
    ("1007", "college", "paper", "closed", ""),
    ("1008", "college", "paper", "closed", "1006"),
    ("1009", "university", "electronic", "active", ""),  # its endpoint waits for a second person
    ("2001", "military", "electronic", "active", ""),
    ("300001", "high_school", "portal", "active", ""),
    ("300002", "high_school", "portal", "active", ""),
    ("300003", "high_school", "portal", "closed", ""),
    ("400001", "district", "portal", "active", ""),
]
ORDERS = [("V1", "300001"), ("V2", "400001"), ("V3", "1001"), ("V4", "300002")]


def master(*, requests: list[tuple[str, ...]] | None = None, dantes: str | None = "2001"):
    frame = pd.DataFrame(
        INSTITUTIONS, columns=["code", "kind", "delivery_method", "status", "successor_code"], dtype="str"
    )
    return rules.MasterData(
        destinations=destinations.of(
            frame, endpoints=frozenset({"1002", "1009", "2001"}), unconfirmed=frozenset({"1009"})
        ),
        orders=pd.DataFrame(ORDERS, columns=["order_id", "organization_code"], dtype="str"),
        requests=pd.DataFrame(
            requests or [],
            columns=["request_id", "candidate_id", "recipient", "requested_on", "routed_at"],
            dtype="str",
        ),
        programme=programme(),
        dantes_code=dantes,
    )


def version(**changes: object) -> dict[str, object]:
    return {
        "result_id": "R1",
        "revision": 1,
        "academic_year": "2026",
        "status": "scored",
        "candidate_id": "C1",
        "test_date": "2026-11-02",
        "funding": "self",
        "voucher_order_id": "",
        "attending_code": "",
        "recipient_1": "",
        "recipient_2": "",
        "history": "f",
        "first_recorded_at": "2026-11-20 01:00:00+00",
    } | changes


def got(*rows: tuple[str, int, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(
        list(rows), columns=["result_id", "revision", "recipient", "occasion", "action"], dtype="str"
    )
    return frame.astype({"revision": "int64"})


def decide(*versions: dict[str, object], left: pd.DataFrame | None = None, **kwargs: object) -> list[tuple]:
    """(recipient, action, channel, state, state_reason, reasons) of each delivery owed, by recipient."""
    frame = pd.DataFrame(list(versions)).astype(
        {column: "str" for column in versions[0] if column != "revision"}
    )
    owed = rules.owed(frame, got() if left is None else left, master(**kwargs))
    columns = ["recipient", "action", "channel", "state", "state_reason", "reasons"]
    return sorted(owed[columns].itertuples(index=False, name=None))


def test_both_chosen_recipients_get_it_by_their_own_method():
    assert decide(version(recipient_1="1001", recipient_2="1002")) == [
        ("1001", "N", "paper", "pending", "", "recipient"),
        ("1002", "N", "electronic", "pending", "", "recipient"),
    ]


def test_the_same_recipient_twice_is_one_delivery():
    assert decide(version(recipient_1="1001", recipient_2="1001")) == [
        ("1001", "N", "paper", "pending", "", "recipient")
    ]


def test_nobody_chosen_and_no_school_goes_to_nobody():
    assert decide(version()) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("9999", "unknown-recipient"),
        ("1007", "recipient-closed"),
        ("1004", "no-delivery-method"),
        ("1005", "no-endpoint"),
        ("1009", "change-unconfirmed"),
    ],
)
def test_a_fault_of_one_recipient_holds_that_delivery_and_the_other_goes(code, reason):
    rows = {row[0]: row for row in decide(version(recipient_1=code, recipient_2="1001"))}
    assert rows[code][3:5] == ("held", reason)
    assert rows["1001"][3] == "pending"


@pytest.mark.parametrize("code", ["1006", "1008"])
def test_a_closed_recipient_is_followed_to_the_end_of_its_successors(code):
    owed = rules.owed(pd.DataFrame([version(recipient_1=code)]).astype({"result_id": "str"}), got(), master())
    assert owed[["recipient", "designated", "state"]].values.tolist() == [["1001", code, "pending"]]


def test_the_successor_chosen_too_is_one_delivery():
    assert decide(version(recipient_1="1006", recipient_2="1001")) == [
        ("1001", "N", "paper", "pending", "", "recipient")
    ]


def test_a_school_as_recipient_and_a_college_by_portal_are_staged():
    assert [row[:4] for row in decide(version(recipient_1="300001", recipient_2="1003"))] == [
        ("1003", "N", "portal", "pending"),
        ("300001", "N", "portal", "pending"),
    ]


def test_a_voucher_shows_the_score_to_the_school_that_bought_it():
    assert decide(version(funding="voucher", voucher_order_id="V1")) == [
        ("300001", "N", "portal", "pending", "", "voucher")
    ]


def test_a_district_that_bought_the_voucher_sees_it():
    assert [row[0] for row in decide(version(funding="voucher", voucher_order_id="V2"))] == ["400001"]


def test_another_voucher_buyer_sees_nothing():
    assert decide(version(funding="voucher", voucher_order_id="V3")) == []


def test_the_attending_school_sees_it_whoever_paid():
    assert decide(version(attending_code="300001")) == [("300001", "N", "portal", "pending", "", "attending")]


def test_the_same_school_twice_is_one_delivery_with_both_reasons():
    rows = decide(version(funding="voucher", voucher_order_id="V1", attending_code="300001"))
    assert rows == [("300001", "N", "portal", "pending", "", "voucher attending")]


@pytest.mark.parametrize("code", ["970000", "399999", "1001", "400001"])
def test_an_attending_code_that_is_no_high_school_on_file_makes_neither_delivery_nor_hold(code):
    assert decide(version(attending_code=code)) == []


def test_a_closed_school_holds_nothing_unless_it_was_chosen():
    assert decide(version(attending_code="300003"))[0][2:4] == ("portal", "pending")
    assert decide(version(recipient_1="300003"))[0][3:5] == ("held", "recipient-closed")


def test_dantes_funding_goes_to_the_set_institution_if_one_is_set():
    assert decide(version(funding="dantes")) == [("2001", "N", "electronic", "pending", "", "dantes")]
    assert decide(version(funding="dantes"), dantes=None) == []


def test_old_results_are_owed_to_schools_only():
    old = version(history="t", recipient_1="1001", attending_code="300001", funding="dantes")
    assert [row[0] for row in decide(old)] == ["300001"]


def test_who_got_an_older_revision_gets_a_correction_and_who_got_nothing_a_new_one():
    left = got(("R1", 1, "1001", "first", "N"))
    rows = decide(version(revision=2, recipient_1="1001", recipient_2="1002"), left=left)
    assert [row[:2] for row in rows] == [("1001", "C"), ("1002", "N")]


def test_who_got_the_newest_revision_is_owed_nothing_more():
    left = got(("R1", 1, "1001", "first", "N"))
    assert decide(version(recipient_1="1001"), left=left) == []


def test_a_cancellation_goes_to_those_who_got_a_score_and_to_nobody_else():
    left = got(("R1", 1, "1001", "first", "N"))
    rows = decide(version(revision=2, status="cancelled", recipient_1="1001", recipient_2="1002"), left=left)
    assert [row[:2] for row in rows] == [("1001", "X")]


def test_a_score_cancelled_before_anyone_got_it_goes_to_nobody():
    assert decide(version(revision=2, status="cancelled", recipient_1="1001")) == []


def test_a_cancellation_is_told_once():
    left = got(("R1", 1, "1001", "first", "N"), ("R1", 2, "1001", "first", "X"))
    assert decide(version(revision=3, status="cancelled", recipient_1="1001"), left=left) == []


def test_a_withheld_score_holds_what_has_not_left_and_sends_nothing_to_those_who_got_it():
    left = got(("R1", 1, "1001", "first", "N"))
    rows = decide(version(revision=2, status="withheld", recipient_1="1001", recipient_2="1002"), left=left)
    assert rows == [("1002", "N", "electronic", "held", "withheld", "recipient")]


def test_a_recipient_that_a_revision_removes_gets_x_and_an_added_one_n():
    left = got(("R1", 1, "1001", "first", "N"))
    rows = decide(version(revision=2, recipient_1="1002"), left=left)
    assert [row[:2] for row in rows] == [("1001", "X"), ("1002", "N")]


def test_a_removed_recipient_that_comes_back_starts_anew():
    left = got(("R1", 1, "1001", "first", "N"), ("R1", 2, "1001", "first", "X"))
    assert [row[:2] for row in decide(version(revision=3, recipient_1="1001"), left=left)] == [("1001", "N")]


def test_what_a_closed_recipient_got_is_corrected_at_its_successor():
    left = got(("R1", 1, "1006", "first", "N"))
    rows = decide(version(revision=2, recipient_1="1006"), left=left)
    assert [row[:2] for row in rows] == [("1001", "C")]


def test_a_transcript_brings_every_valid_result_once():
    asked = [("T1", "C1", "1001", "2026-11-20", "")]
    rows = [
        version(result_id="R1"),
        version(result_id="R2", test_date="2010-01-15"),  # 20 years: valid
        version(result_id="R3", test_date="2006-01-15"),  # expired
        version(result_id="R4", status="cancelled"),
    ]
    frame = pd.DataFrame(rows)
    owed = rules.owed(frame, got(), master(requests=asked))
    assert sorted(owed["result_id"]) == ["R1", "R2"]
    assert set(owed["occasion"]) == {"transcript:T1"}
    left = got(("R1", 1, "1001", "transcript:T1", "N"), ("R2", 1, "1001", "transcript:T1", "N"))
    assert rules.owed(frame, left, master(requests=asked)).empty


def test_a_result_first_recorded_after_the_request_was_routed_is_not_part_of_it():
    asked = [("T1", "C1", "1001", "2026-11-19", "2026-11-19 12:00:00+00")]
    assert decide(version(), requests=asked) == []


def test_who_got_it_by_transcript_is_told_of_a_correction():
    left = got(("R1", 1, "1001", "transcript:T1", "N"))
    rows = decide(version(revision=2), left=left)
    assert rows == [("1001", "C", "paper", "pending", "", "transcript")]


def test_a_thousand_results_are_decided_as_each_alone():
    versions = [
        version(result_id=f"R{at}", recipient_1="1001" if at % 2 else "", attending_code="300001")
        for at in range(1000)
    ]
    owed = rules.owed(pd.DataFrame(versions), got(), master())
    assert len(owed) == 1500
    assert not owed.duplicated(rules.KEY).any()
