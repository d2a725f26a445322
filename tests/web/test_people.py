"""People and access: whom the coordinator names and removes, who asked for the code; searches that end."""

from datetime import timedelta

import pytest

from distribution.jobs import keep_codes, portal_access
from distribution.web import csrf
from tests.support import records
from tests.web.conftest import ALEX, FOREIGN, KIM, SCHOOL, SCORES, STRANGER, cookie

PEOPLE = f"/organizations/{SCHOOL}/people"
OWN = {"headers": {"Origin": "http://testserver"}}


@pytest.fixture
def named(kim, line) -> str:
    """The id of the alternate whom Kim named: Sam, who is coordinator elsewhere and has an account."""
    kim.send(PEOPLE, name="Sam Doe", email=STRANGER)
    with line.connect() as conn:
        return str(conn.execute("SELECT max(named_contact_id) FROM portal.named_contact").fetchone()[0])


def test_the_coordinator_removes_the_alternate_and_reads_what_happened(kim, named):
    assert "Remove" in kim.get(PEOPLE).text
    told = kim.send(f"{PEOPLE}/remove", on=PEOPLE, named=named)
    assert told.url.path == PEOPLE
    assert (
        "Sam Doe is no longer the alternate whom the coordinator named and has no access any more."
        in told.text
    )
    assert "removed by the coordinator" in kim.get(PEOPLE).text
    assert STRANGER not in kim.get(PEOPLE).text


def test_a_removed_alternates_session_is_shut_at_the_next_page(kim, another, named, codes):
    another.sign_in(STRANGER)
    another.send(f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL])
    another.send(f"/organizations/{SCHOOL}/agreement", agreed="yes")
    assert another.get(SCORES).status_code == 200
    kim.send(f"{PEOPLE}/remove", on=PEOPLE, named=named)
    assert another.get(SCORES).status_code == 404
    assert SCHOOL not in another.get("/").text


def test_removed_twice_or_never_named_the_page_says_that_nobody_was(kim, named):
    kim.send(f"{PEOPLE}/remove", on=PEOPLE, named=named)
    for each in (named, "0", "999999"):
        told = kim.send(f"{PEOPLE}/remove", on=PEOPLE, named=each)
        assert told.status_code == 404
        assert "Nobody was removed" in told.text
    assert kim.send(f"{PEOPLE}/remove", on=PEOPLE, named="9" * 30).status_code == 422


def test_only_the_coordinator_removes_and_only_by_a_form_of_the_own_session(kim, another, named, codes):
    another.enter(ALEX, SCHOOL, codes[SCHOOL])
    assert "Remove" not in another.get(PEOPLE).text
    token = csrf.token_of(cookie(another))
    by_alternate = another.client.post(f"{PEOPLE}/remove", data={csrf.FIELD: token, "named": named}, **OWN)
    assert by_alternate.status_code == 403
    forged = kim.client.post(f"{PEOPLE}/remove", data={csrf.FIELD: token, "named": named}, **OWN)
    assert forged.status_code == 403
    assert STRANGER in kim.get(PEOPLE).text


def test_the_page_tells_of_an_alternate_who_ended_with_the_coordinator(kim, named, line, another, codes):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2026-11-23' WHERE email = %s", [KIM])
        records.contact(conn, SCHOOL, "coordinator", email=STRANGER, name="Sam Doe")
    keep_codes.morning(line, on=line.today(), at=line.now())
    another.sign_in(ALEX)
    another.send(f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL])
    another.send(f"/organizations/{SCHOOL}/agreement", agreed="yes")
    with line.connect() as conn:
        ended = conn.execute("SELECT ended_because FROM portal.named_contact").fetchall()
    assert ended == [("namer-left",)]
    assert "No longer with access" not in another.get(PEOPLE).text, "Sam has access in another way by now"


def test_who_asked_for_the_code_stands_there_and_not_at_another_school(kim, line, another, codes):
    for school in (SCHOOL, FOREIGN):
        portal_access.request_code(
            line, person_id=None, name=f"Pat of {school}", email="pat@example.org", role="Teacher",
            school_code=school, message="for Ann", at=line.now(),
        )  # fmt: skip
    shown = kim.get(PEOPLE).text
    assert f"Pat of {SCHOOL}, Teacher, pat@example.org" in shown
    assert f"Pat of {FOREIGN}" not in shown
    assert "for Ann" not in shown


@pytest.mark.parametrize("organization", [FOREIGN, "999999", "Nguyen"])
def test_a_refused_switch_is_logged(kim, line, organization):
    assert kim.get(f"/switch?organization={organization}").status_code == 404
    with line.connect() as conn:
        logged = conn.execute(
            "SELECT organization_code, reason, page FROM portal.access_event ORDER BY event_id DESC LIMIT 1"
        ).fetchone()
    asked = "?" if organization == "Nguyen" else organization
    assert logged == (asked, "not-your-organization", "GET /switch")


def test_what_was_searched_is_gone_the_morning_after_a_browser_was_just_closed(kim, line, clock):
    kim.send(SCORES, words="Abara")
    clock.now += timedelta(minutes=20)
    keep_codes.morning(line, on=line.today(), at=clock.now)
    assert searched(line) == [("Abara",)], "the session is still open"
    clock.now += timedelta(days=1)
    assert keep_codes.morning(line, on=line.today(), at=clock.now)["sessions_ended"] == 1
    assert searched(line) == []
    with line.connect() as conn:
        ended = conn.execute("SELECT DISTINCT ended_because FROM ledger.portal_session").fetchall()
    assert ("timed-out",) in ended


def searched(line):
    with line.connect() as conn:
        return conn.execute("SELECT words FROM ledger.portal_search").fetchall()


def test_a_request_too_many_reads_so(visitor, scores):
    asked = {
        "name": "Pat",
        "email": "pat@example.org",
        "role": "Teacher",
        "school_code": SCHOOL,
        "message": "",
    }
    for _ in range(5):
        assert "went to the coordinator" in visitor.send("/no-code", **asked).text
    told = visitor.send("/no-code", **asked).text
    assert "This request was not passed on" in told
    assert "Request sent" not in told
