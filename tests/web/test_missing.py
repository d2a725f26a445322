"""Why is a score missing: honest reasons, and not a word about students of other schools."""

import re
from datetime import date, timedelta

import pytest

from distribution.jobs import missing_scores
from distribution.jobs.missing_scores import Reason
from tests.web.conftest import FOREIGN, NOW, SCHOOL, SCORES, stage

MISSING = f"/organizations/{SCHOOL}/years/2026-27/missing"
TODAY = NOW.date()
TESTED = "2026-11-20"


def asked(visitor, who, tested_on=TESTED):
    answer = visitor.send(MISSING, who=who, tested_on=tested_on)
    assert answer.status_code == 200
    return answer


def answer_in(page) -> str:
    """The answer's card, without what the coordinator typed."""
    card = re.search(r'<div class="card" id="answer".*?</div>', page.text, re.DOTALL)[0]
    return re.sub(r'value="[^"]*"', "", card)


@pytest.mark.parametrize("who", ["C-2", "nguyen ann", "R-2", "c-2"])
def test_a_score_in_the_list_is_found_by_name_or_any_id(kim, who):
    page = asked(kim, who)
    assert "It is in your list" in page.text
    assert "Show it in 2026–27" in page.text


def test_a_score_of_another_year_is_found_and_shown_there(kim):
    page = asked(kim, "Former", "2026-05-02")
    assert "Show it in 2025–26" in page.text
    shown = kim.send(f"/organizations/{SCHOOL}/years/2025-26/scores", on=MISSING, words="Former")
    assert "Former" in shown.text
    assert "ormer" not in str(shown.url)


def test_another_test_date_and_a_cancelled_score_are_told(kim, line):
    assert "The test date is another one" in asked(kim, "Nguyễn", "2026-11-19").text
    stage(line, (SCHOOL, {"result_id": "R-1", "revision": 2, "status": "cancelled", "candidate_id": "C-1"}))
    assert "It was cancelled" in asked(kim, "R-1").text


def test_a_score_that_the_school_itself_marked_is_told_until_it_is_confirmed(kim):
    kim.send(f"{SCORES}/R-1/not-ours")
    assert "Your school marked it as not your student" in asked(kim, "C-1").text


@pytest.mark.parametrize("tested_on", [TESTED, "2026-09-01", "2025-10-01"])
@pytest.mark.parametrize(
    ("elsewhere", "nowhere"),
    [("Foreigner", "Nobodyatall"), ("C-6", "C-999"), ("R-F", "R-999"), ("Sisterly", "Nobodyatall")],
)
def test_the_answer_is_the_same_whether_or_not_another_school_has_the_student(
    kim, line, elsewhere, nowhere, tested_on
):
    foreigner = {"last_name": "Foreigner", "candidate_id": "C-6", "test_date": date.fromisoformat(tested_on)}
    stage(line, (FOREIGN, {"result_id": "R-F2", **foreigner}))
    there, not_there = asked(kim, elsewhere, tested_on), asked(kim, nowhere, tested_on)
    assert answer_in(there) == answer_in(not_there)
    assert "No such score is in your list" in answer_in(there)
    assert FOREIGN not in there.text


def test_a_look_up_notes_what_it_told_of_the_own_students_and_of_nobody_else(kim, line):
    before = disclosures(line)
    asked(kim, "Foreigner")
    assert disclosures(line) == before
    asked(kim, "C-2")
    assert disclosures(line)[len(before) :] == [("R-2", SCHOOL, "portal look-up")]


def disclosures(line):
    with line.connect() as conn:
        return conn.execute(
            "SELECT result_id, recipient, artefact FROM ledger.disclosure ORDER BY disclosure_id"
        ).fetchall()


def test_what_was_typed_stands_in_no_address_no_title_and_no_log(kim, caplog):
    with caplog.at_level("DEBUG"):
        page = asked(kim, "Nguyễn")
    assert str(page.url).endswith(MISSING)
    assert "guy" not in re.search("<title>(.*?)</title>", page.text)[1]
    own = [record.getMessage() for record in caplog.records if record.name.startswith("distribution")]
    assert not any("guy" in each for each in own)


@pytest.mark.parametrize(
    ("who", "tested_on"), [("", TESTED), (" , ", TESTED), ("Lee", ""), ("Lee", "20.11.2026")]
)
def test_an_unfinished_look_up_says_what_is_missing(kim, who, tested_on):
    answer = kim.send(MISSING, who=who, tested_on=tested_on)
    assert answer.status_code == 422
    assert "Please fill in" in answer.text
    assert 'id="answer"' not in answer.text


@pytest.mark.parametrize(
    ("days_ago", "first"),
    [
        (-1, Reason.NOT_YET_TESTED),
        (0, Reason.TOO_EARLY),
        (1, Reason.TOO_EARLY),
        (8, Reason.ESSAY),
        (21, Reason.ESSAY),
        (22, Reason.TYPED_OTHERWISE),
        (365, Reason.TYPED_OTHERWISE),
        (366 * 21, Reason.TOO_OLD),
    ],
)
def test_the_calendar_names_the_likeliest_reason(days_ago, first):
    explained = missing_scores.decide([], None, tested_on=TODAY - timedelta(days=days_ago), on=TODAY)
    assert explained.reasons[0] == first


def test_the_days_promised_are_business_days():
    """Tested on the Wednesday before Thanksgiving: Thursday is a holiday, Friday and Monday are not."""
    explained = missing_scores.decide([], None, tested_on=date(2026, 11, 25), on=date(2026, 11, 25))
    assert explained.expected_by == date(2026, 11, 30)
    assert explained.expected_with_essay_by == date(2026, 12, 16)


def test_the_scores_page_leads_there(kim):
    assert MISSING in kim.get(SCORES).text
    assert MISSING in kim.send(SCORES, words="Nobodyatall").text
    assert kim.get(MISSING).status_code == 200
