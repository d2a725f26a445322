"""The class of an error is the decision; its code is the word of the contract."""

import pytest

from distribution import errors


@pytest.mark.parametrize("kind", [errors.UsageError, errors.OutOfBalance])
def test_what_a_person_must_mend_is_never_tried_again(kind):
    assert issubclass(kind, errors.PermanentError)
    assert not issubclass(kind, errors.TransientError)


def test_a_lock_held_by_another_run_may_be_tried_again():
    assert issubclass(errors.AnotherRunHoldsTheLock, errors.TransientError)


def test_an_error_may_carry_a_code_of_its_own():
    assert errors.PermanentError("x").code == "permanent"
    assert errors.PermanentError("x", code="host-key").code == "host-key"


def test_a_refused_feed_says_what_is_wrong_and_what_to_do():
    error = errors.FeedRefused(
        "columns", "Column exam_code is missing.", what_to_do="Ask the sender.", line=1, column="exam_code"
    )
    assert str(error) == "Column exam_code is missing. Ask the sender."
    assert (error.code, error.line, error.column) == ("columns", 1, "exam_code")
