"""What a routing changes on file: added, moved, withdrawn, and what it leaves alone."""

import pandas as pd
import pytest

from distribution.routing import changes


def owed(*rows: dict[str, object]) -> pd.DataFrame:
    valid = {
        "result_id": "R1",
        "revision": 1,
        "academic_year": "2026",
        "recipient": "1001",
        "designated": "1001",
        "occasion": "first",
        "action": "N",
        "reasons": "recipient",
        "channel": "paper",
        "state": "pending",
        "state_reason": "",
    }
    return pd.DataFrame([valid | row for row in rows], columns=list(valid))


def on_file(*rows: dict[str, object]) -> pd.DataFrame:
    valid = {
        "delivery_id": 1,
        "result_id": "R1",
        "revision": 1,
        "recipient": "1001",
        "designated": "1001",
        "occasion": "first",
        "action": "N",
        "channel": "paper",
        "state": "pending",
        "state_reason": "",
        "left": "false",
        "held_since": "",
    }
    return pd.DataFrame([valid | row for row in rows], columns=list(valid))


def between(owed_now, filed, *, status="scored", changed_at="2026-11-01 00:00:00+00"):
    return changes.between(
        owed_now,
        filed,
        pd.DataFrame({"result_id": ["R1"], "status": [status]}),
        pd.DataFrame({"code": ["1001", "1002"], "changed_at": [changed_at, changed_at]}),
    )


def test_what_is_owed_and_not_on_file_is_added():
    found = between(owed({}), on_file())
    assert found.added["recipient"].tolist() == ["1001"]
    assert found.settled.empty
    assert not found.superseded
    assert not found.cancelled


def test_what_stands_as_it_should_is_left_alone():
    found = between(owed({}), on_file({}))
    assert found.added.empty
    assert found.settled.empty
    assert not found.superseded


def test_a_change_of_channel_keeps_the_delivery():
    found = between(owed({"channel": "electronic"}), on_file({"state": "failed", "channel": "paper"}))
    moved = found.settled[["delivery_id", "channel", "state"]]
    assert moved.values.tolist() == [[1, "electronic", "pending"]]
    assert found.added.empty


def test_a_hold_whose_cause_is_mended_goes_on():
    found = between(owed({}), on_file({"state": "held", "state_reason": "no-delivery-method", "channel": ""}))
    assert found.settled[["delivery_id", "state"]].values.tolist() == [[1, "pending"]]


def test_a_file_on_its_way_is_not_moved_when_nothing_changed():
    assert between(owed({}), on_file({"state": "claimed"})).settled.empty
    assert between(owed({}), on_file({"state": "failed", "state_reason": "unreachable"})).settled.empty


def test_a_delivery_on_its_way_is_held_when_its_recipient_closes():
    closed = owed({"state": "held", "state_reason": "recipient-closed"})
    found = between(closed, on_file({"state": "claimed"}))
    assert found.settled[["state", "state_reason"]].values.tolist() == [["held", "recipient-closed"]]


@pytest.mark.parametrize("reason", ["no-address", "address-too-long", "no-glyph", "name-too-long"])
def test_a_channels_hold_waits_for_a_change_of_the_institution(reason):
    held = on_file({"state": "held", "state_reason": reason, "held_since": "2026-11-20 00:00:00+00"})
    assert between(owed({}), held, changed_at="2026-11-01 00:00:00+00").settled.empty
    assert len(between(owed({}), held, changed_at="2026-11-21 00:00:00+00").settled) == 1


@pytest.mark.parametrize("reason", ["ambiguous-delivery", "volume-anomaly"])
def test_a_hold_that_needs_a_person_is_not_lifted_by_the_routing(reason):
    held = on_file({"state": "held", "state_reason": reason, "held_since": "2026-11-20 00:00:00+00"})
    assert between(owed({}), held, changed_at="2026-11-21 00:00:00+00").settled.empty


def test_a_new_revision_withdraws_the_older_delivery():
    found = between(owed({"revision": 2}), on_file({"revision": 1}))
    assert found.superseded == [1]
    assert found.added["revision"].tolist() == [2]


def test_a_cancellation_withdraws_what_has_not_left():
    assert between(owed(), on_file({}), status="cancelled").cancelled == [1]


def test_what_may_have_left_is_never_withdrawn_or_moved():
    found = between(owed(), on_file({"left": "true", "state": "delivered"}))
    assert not found.superseded
    assert found.settled.empty


def test_a_successor_takes_over_an_open_delivery_of_the_same_choice():
    held = on_file({"state": "held", "state_reason": "recipient-closed"})
    found = between(owed({"recipient": "1002"}), held)
    moved = found.settled[["delivery_id", "recipient", "state"]]
    assert moved.values.tolist() == [[1, "1002", "pending"]]
    assert found.added.empty
    assert not found.superseded


def test_a_rejected_delivery_is_not_added_again():
    filed = on_file({"state": "withdrawn", "state_reason": "rejected"})
    assert between(owed({}), filed).added.empty


def test_only_what_nobody_is_owed_any_more_goes_when_a_recipient_is_taken_back():
    filed = on_file({}, {"delivery_id": 2, "recipient": "1002", "designated": "1002"})
    found = between(owed({}), filed)
    assert found.superseded == [2]
    assert found.added.empty
    assert found.settled.empty


def test_a_transcript_of_the_same_score_stands_beside_the_first_report():
    transcript = {"occasion": "transcript:T1", "reasons": "transcript"}
    found = between(owed({}, transcript), on_file({"left": "true", "state": "delivered"}))
    assert found.added["occasion"].tolist() == ["transcript:T1"]
    assert found.settled.empty


@pytest.mark.parametrize("state", ["delivered", "returned", "acknowledged", "claimed"])
def test_a_correction_is_added_and_what_may_have_left_stays_as_it_is(state):
    found = between(owed({"revision": 2, "action": "C"}), on_file({"left": "true", "state": state}))
    assert found.added[["revision", "action"]].values.tolist() == [[2, "C"]]
    assert not found.superseded
    assert found.settled.empty


def test_a_correction_goes_as_new_when_nobody_has_got_what_it_corrects():
    """What came back counts as not having left, so the same revision changes its action."""
    filed = on_file({"revision": 2, "action": "C", "state": "held", "state_reason": "no-address"})
    found = between(owed({"revision": 2, "action": "N"}), filed)
    assert found.settled[["action", "state"]].values.tolist() == [["N", "pending"]]


def test_what_came_back_and_is_pending_again_gives_way_to_its_correction():
    reopened = on_file({"state": "pending", "left": "false"})
    found = between(owed({"revision": 2, "action": "N"}), reopened)
    assert (found.superseded, found.added["revision"].tolist()) == ([1], [2])


def test_a_hold_for_want_of_an_address_ends_when_the_institution_leaves_paper():
    held = on_file({"state": "held", "state_reason": "no-address", "held_since": "2026-11-20 00:00:00+00"})
    found = between(owed({"channel": "electronic"}), held, changed_at="2026-11-01 00:00:00+00")
    assert found.settled[["channel", "state"]].values.tolist() == [["electronic", "pending"]]


def test_a_hold_that_has_another_cause_now_says_the_new_one():
    filed = on_file({"state": "held", "state_reason": "no-delivery-method", "channel": ""})
    now = owed({"state": "held", "state_reason": "no-endpoint", "channel": "electronic"})
    found = between(now, filed)
    assert found.settled[["state", "state_reason"]].values.tolist() == [["held", "no-endpoint"]]


def test_a_channels_hold_of_an_institution_that_never_changed_stays():
    held = on_file(
        {"recipient": "1009", "state": "held", "state_reason": "no-glyph",
         "held_since": "2026-11-20 00:00:00+00"}
    )  # fmt: skip
    assert between(owed({"recipient": "1009"}), held).settled.empty


def test_a_successor_that_was_chosen_too_gets_one_delivery():
    filed = on_file(
        {"state": "held", "state_reason": "recipient-closed"},
        {"delivery_id": 2, "recipient": "1002", "designated": "1002"},
    )
    found = between(owed({"recipient": "1002", "designated": "1002"}), filed)
    assert found.superseded == [1]
    assert found.added.empty


def test_a_successor_of_two_choices_takes_over_one_and_withdraws_the_other():
    closed = {"state": "held", "state_reason": "recipient-closed"}
    filed = on_file(closed, {"delivery_id": 2, "recipient": "1003", "designated": "1003"} | closed)
    found = between(owed({"recipient": "1002", "designated": "1001"}), filed)
    assert found.settled[["delivery_id", "recipient"]].values.tolist() == [[1, "1002"]]
    assert found.superseded == [2]


def test_a_cancelled_score_withdraws_all_that_waits_and_leaves_what_left():
    filed = on_file(
        {},
        {"delivery_id": 2, "recipient": "1002", "state": "held", "state_reason": "no-address"},
        {"delivery_id": 3, "recipient": "1003", "state": "delivered", "left": "true"},
    )
    found = between(owed(), filed, status="cancelled")
    assert (found.cancelled, found.superseded) == ([1, 2], [])


def test_nothing_on_file_and_nothing_owed_changes_nothing():
    found = between(owed(), on_file())
    assert found.added.empty
    assert found.settled.empty
    assert not found.superseded
    assert not found.cancelled


def asked_again(*, status="scored", newest=1, changed_at="2026-11-01 00:00:00+00", **given):
    """What becomes of one delivery that was asked for once more: freed, superseded, cancelled or ''."""
    valid = {
        "delivery_id": 1,
        "result_id": "R1",
        "revision": 1,
        "recipient": "1001",
        "action": "N",
        "state": "claimed",
        "state_reason": "",
        "held_since": "",
        "file_kind": "FULL",
    }
    found = changes.of_asked_again(
        pd.DataFrame([valid | given]),
        pd.DataFrame({"result_id": ["R1"], "revision": [newest], "status": [status]}),
        pd.DataFrame({"code": ["1001"], "changed_at": [changed_at]}),
    )
    return " ".join(name for name in ("freed", "superseded", "cancelled") if getattr(found, name))


@pytest.mark.parametrize("kind", ["RESEND", "FULL"])
def test_what_is_cancelled_or_withheld_before_it_leaves_once_more_does_not_leave(kind):
    assert asked_again(file_kind=kind) == ""
    assert asked_again(file_kind=kind, newest=2, status="cancelled") == "cancelled"
    assert asked_again(file_kind=kind, newest=2, status="withheld") == "superseded"
    assert asked_again(file_kind="RESEND", newest=1, status="cancelled", action="X") == ""


def test_a_replaced_revision_leaves_in_a_resend_alone():
    assert asked_again(file_kind="RESEND", newest=2) == ""
    assert asked_again(file_kind="FULL", newest=2) == "superseded"


@pytest.mark.parametrize("reason", ["no-glyph", "name-too-long", "no-endpoint", "change-unconfirmed"])
def test_what_was_held_on_the_way_once_more_waits_for_a_change_of_the_institution(reason):
    held = {"state": "held", "state_reason": reason, "file_kind": "", "held_since": "2026-11-10 00:00:00+00"}
    assert asked_again(**held) == ""
    assert asked_again(**held, changed_at="2026-11-11 00:00:00+00") == "freed"
    assert asked_again(**held, changed_at="2026-11-11 00:00:00+00", newest=2) == "superseded"
    assert (
        asked_again(**{**held, "state_reason": "volume-anomaly"}, changed_at="2026-11-11 00:00:00+00") == ""
    )
