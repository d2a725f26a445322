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
