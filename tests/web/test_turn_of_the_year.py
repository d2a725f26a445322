"""The turn of the academic year, at the school and not at the server; leap days and summer time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support import records
from tests.support.portal import mint
from tests.web.conftest import KIM, PASSWORD, SCHOOL, Visitor, stage


@pytest.fixture
def school_in(line):
    def place(zone: str) -> None:
        with line.connect() as conn:
            conn.execute(
                "UPDATE ledger.institution_version SET time_zone = %s WHERE code = %s", [zone, SCHOOL]
            )

    return place


@pytest.mark.parametrize("zone", ["America/New_York", "America/Los_Angeles", "Pacific/Guam", "Asia/Tokyo"])
def test_on_the_first_of_july_at_the_school_the_new_years_code_is_asked_for(
    kim, another, clock, school_in, zone
):
    school_in(zone)
    there = ZoneInfo(zone)
    clock.now = datetime(2027, 6, 30, 23, 50, tzinfo=there).astimezone(UTC)
    another.sign_in(KIM)
    home = f"/organizations/{SCHOOL}"
    assert another.get(home).url.path == home
    clock.now = datetime(2027, 6, 30, 23, 59, 59, tzinfo=there).astimezone(UTC)
    assert another.get(home).url.path == home
    assert "2026–27" in another.get(home).text
    clock.now = datetime(2027, 7, 1, tzinfo=there).astimezone(UTC)
    for path in (home, f"{home}/years/2026-27/scores", f"{home}/years/2027-28/scores", f"{home}/people"):
        assert another.get(path).url.path == f"{home}/code"


def test_last_years_code_opens_nothing_and_the_new_one_shows_last_year_again(
    kim, another, clock, codes, line
):
    clock.now = datetime(2027, 7, 1, 12, tzinfo=UTC)
    another.sign_in(KIM)
    code = f"/organizations/{SCHOOL}/code"
    assert another.send(code, access_code=codes[SCHOOL]).status_code == 422
    another.enter(KIM, SCHOOL, mint(line, SCHOOL, year=2027))
    shown = another.get(f"/organizations/{SCHOOL}/scores")
    assert shown.url.path.endswith("/years/2027-28/scores")
    assert "No score of 2027–28 is here yet" in shown.text
    assert "Abara" in another.get(f"/organizations/{SCHOOL}/years/2026-27/scores").text


def test_an_essay_scored_in_july_stands_in_the_year_of_its_test_date(kim, line):
    stage(
        line,
        (SCHOOL, {"result_id": "R-E", "last_name": "Essay", "candidate_id": "C-E", "exam_code": "COLCMP",
                  "test_date": date(2026, 6, 20), "scored_on": date(2026, 7, 8)}),
    )  # fmt: skip
    assert "Essay" in kim.get(f"/organizations/{SCHOOL}/years/2025-26/scores").text
    assert "Essay" not in kim.get(f"/organizations/{SCHOOL}/years/2026-27/scores").text


def test_a_test_on_a_leap_day_is_shown_until_its_last_day(visitor, line, clock, codes):
    """Ten years after 29 February there is none: 28 February is the last day."""
    stage(line, (SCHOOL, {"result_id": "R-L", "candidate_id": "C-L", "last_name": "Leap",
                          "test_date": date(2024, 2, 29)}))  # fmt: skip
    new_york = ZoneInfo("America/New_York")
    scores = f"/organizations/{SCHOOL}/years/2023-24/scores"
    clock.now = datetime(2034, 2, 28, 23, 30, tzinfo=new_york).astimezone(UTC)
    with line.connect() as conn:
        records.contact(conn, SCHOOL, "alternate", email="leap@example.org")
    visitor.enter(KIM, SCHOOL, mint(line, SCHOOL, year=2033))
    assert "Leap" in visitor.get(scores).text
    clock.now = datetime(2034, 3, 1, 0, 0, tzinfo=new_york).astimezone(UTC)
    assert visitor.get(scores).status_code == 404


@pytest.mark.parametrize(
    "moment",
    [datetime(2027, 3, 14, 6, 59, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
def test_the_hour_that_is_missing_or_comes_twice_ends_no_session(
    visitor: Visitor, clock, codes, line, moment
):
    clock.now = moment
    visitor.enter(KIM, SCHOOL, codes[SCHOOL])
    clock.now = datetime.fromtimestamp(moment.timestamp() + 20 * 60, UTC)
    assert visitor.get(f"/organizations/{SCHOOL}").url.path == f"/organizations/{SCHOOL}"
    assert visitor.sign_in(KIM, PASSWORD).status_code == 200
