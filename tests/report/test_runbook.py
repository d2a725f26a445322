"""The runbook has a section for each code that the line can show, with its four parts."""

import re
from pathlib import Path

import pytest

from distribution import advice
from distribution.advice import ADVICE
from distribution.cli import app
from distribution.model import DeliveryHoldReason, FailureCode, RefusalCode, RowHoldReason

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", RUNBOOK, flags=re.M | re.S))
EXIT_CODES = (0, app.UNEXPECTED, app.USAGE, 3, app.REFUSED, app.OUT_OF_BALANCE, app.LOCKED, app.TEMPORARY,
              app.INTERRUPTED)  # fmt: skip
CODES = [
    *(f"exit {code}" for code in EXIT_CODES),
    *RefusalCode,
    *RowHoldReason,
    *DeliveryHoldReason,
    *FailureCode,
    "feed-incomplete",
]


@pytest.mark.parametrize("code", CODES)
def test_each_code_says_what_is_seen_what_it_means_what_to_do_and_who_helps(code: str) -> None:
    parts = re.findall(r"^- \*\*(\w+):\*\* (\S[^\n]+)", SECTIONS[str(code)], flags=re.M)
    assert [part for part, _ in parts] == ["See", "Means", "Do", "Escalate"]


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_a_code_means_the_same_in_the_runbook_as_in_reports_and_lists(code: str) -> None:
    section = " ".join(SECTIONS[code].replace("`", "").split())
    assert advice.meaning(code).replace("`", "") in section


def test_the_runbook_knows_no_code_that_the_line_does_not() -> None:
    assert set(SECTIONS) == {str(code) for code in CODES}
