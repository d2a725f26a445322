"""Every code of the contract has a sentence that says what a person does next."""

import pytest

from distribution import advice
from distribution.model import DeliveryHoldReason, FailureCode, RefusalCode, RowHoldReason

CODES = [*RefusalCode, *RowHoldReason, *DeliveryHoldReason, *FailureCode]


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    for sentence in (advice.meaning(code), advice.what_to_do(code)):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert len(sentence) < 160


def test_no_two_codes_share_a_word_and_nothing_else_is_advised() -> None:
    assert set(advice.ADVICE) == {str(code) for code in CODES}
    assert len(advice.ADVICE) == len(CODES)
