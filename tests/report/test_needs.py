"""What needs a person: one entry per cause, with its effect in scores, the worst first."""

from dataclasses import replace
from datetime import date

import pytest

from distribution.report import needs
from distribution.report.content import Batch, HeldDeliveries, OpenFile, WaitingDeliveries

MONDAY = date(2026, 11, 23)


def failed(
    failure: str, *, code: str = "4471", scores: int = 10, since: date = MONDAY, state: str = "failed"
) -> OpenFile:
    return OpenFile(f"CLEP_{code}_x.txt", code, f"College {code}", scores, state, failure, since)


@pytest.mark.parametrize(
    ("since", "on", "days"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), 0),
        (date(2026, 11, 20), date(2026, 11, 23), 1),
        (date(2026, 11, 21), date(2026, 11, 23), 1),
        (date(2026, 11, 25), date(2026, 11, 27), 1),  # Thanksgiving between
    ],
)
def test_age_is_counted_in_business_days(since: date, on: date, days: int) -> None:
    assert needs.age(since, on) == days


def test_a_partner_fault_is_retried_on_the_first_night_and_needs_a_person_from_the_second_on() -> None:
    (first,) = needs.of_files([failed("timed-out")], MONDAY)
    (later,) = needs.of_files([failed("timed-out", since=date(2026, 11, 19))], MONDAY)
    assert (first.level, later.level) == (needs.RETRYING, needs.FAILED)


def test_files_that_wait_behind_a_failed_one_count_into_its_effect() -> None:
    files = [failed("host-key"), failed("behind-another-file", scores=5, state="built")]
    (need,) = needs.of_files(files, MONDAY)
    assert need.count == 15
    assert need.effect.startswith("2 files, 15 scores not sent.")
    assert need.level == needs.FAILED
    assert need.institution == "4471"


def test_the_sentence_that_was_kept_with_a_failure_is_told() -> None:
    told = [replace(failed("host-key", code=code), detail=f"{code} showed a key.") for code in "ABCDE"]
    assert effect_of(told[:1]).endswith("not sent. A showed a key.")
    assert effect_of(told).endswith("A: A showed a key. B: B showed a key. C: C showed a key. And 2 more.")


def effect_of(files: list[OpenFile]) -> str:
    (need,) = needs.of_files(files, MONDAY)
    return need.effect


def test_many_institutions_with_one_fault_make_one_entry() -> None:
    (need,) = needs.of_files([failed("unreachable", code=f"{code}") for code in range(1000, 1040)], MONDAY)
    assert need.what == "40 institutions, College 1000 (1000) and College 1001 (1001) among them: unreachable"
    assert need.count == 400


def test_a_withheld_score_waits_and_needs_nobody() -> None:
    (need,) = needs.of_holds([], [HeldDeliveries("4471", "A", "withheld", 3, MONDAY)], MONDAY)
    assert need.level == needs.WAITING


def test_a_batch_is_asked_for_after_two_business_days() -> None:
    batch = Batch("PB-20261118-A", "no10-window", 12, 12, 12, "printed", date(2026, 11, 18))
    (need,) = needs.of_paper([batch], [], MONDAY)
    assert "stand as printed for 3 business days" in need.effect
    assert need.what_to_do.endswith("batch inserted PB-20261118-A --pieces 12.")
    assert not list(needs.of_paper([batch], [], date(2026, 11, 20)))


def test_returned_mail_needs_an_address() -> None:
    returned = WaitingDeliveries("4471", "A", "paper", "returned", "", 2, MONDAY)
    (need,) = needs.of_paper([], [returned], MONDAY)
    assert need.count == 2


def test_a_fault_of_the_balance_comes_before_everything() -> None:
    found = needs.ordered(
        [*needs.of_files([failed("host-key")], MONDAY), *needs.of_faults(["a sum"], MONDAY)]
    )
    assert [need.level for need in found] == [needs.BLOCKED, needs.FAILED]
