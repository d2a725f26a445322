"""Signing in with a local account, and sessions: their tokens, their end."""

from datetime import timedelta

import pytest

from distribution.web import csrf, sessions
from tests.web.conftest import KIM, PASSWORD, SCHOOL, SCORES, STRANGER, cookie


def test_the_first_sign_in_asks_for_code_then_agreement_then_shows_the_scores(visitor, codes, scores):
    asked = visitor.sign_in(KIM)
    assert asked.url.path == f"/organizations/{SCHOOL}/code"
    assert "Enter access code" in asked.text
    agreeing = visitor.send(
        f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL].lower().replace("-", " ")
    )
    assert agreeing.url.path == f"/organizations/{SCHOOL}/agreement"
    shown = visitor.send(f"/organizations/{SCHOOL}/agreement", agreed="yes")
    assert shown.url.path == SCORES
    assert "Abara, Chidi" in shown.text


def test_nothing_is_asked_again_in_the_same_year(kim, another):
    assert another.sign_in(KIM).url.path == f"/organizations/{SCHOOL}"


@pytest.mark.parametrize("path", [SCORES, f"/organizations/{SCHOOL}", f"/organizations/{SCHOOL}/people"])
def test_without_the_code_no_page_of_the_school_opens(visitor, codes, scores, path):
    visitor.sign_in(KIM)
    assert visitor.get(path).url.path == f"/organizations/{SCHOOL}/code"
    visitor.send(f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL])
    assert visitor.get(path).url.path == f"/organizations/{SCHOOL}/agreement"


def test_without_a_check_in_the_box_nobody_has_agreed(visitor, codes):
    visitor.sign_in(KIM)
    visitor.send(f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL])
    refused = visitor.send(f"/organizations/{SCHOOL}/agreement")
    assert refused.status_code == 422
    assert visitor.get(SCORES).url.path == f"/organizations/{SCHOOL}/agreement"


@pytest.mark.parametrize(("email", "password"), [(KIM, "wrong"), ("unknown@example.org", PASSWORD), ("", "")])
def test_a_wrong_password_and_an_unknown_address_read_the_same(visitor, email, password):
    refused = visitor.sign_in(email, password)
    assert refused.status_code == 403
    assert "E-mail address or password is wrong." in refused.text
    assert cookie(visitor) == ""


def test_somebody_who_is_no_contact_sees_nothing_and_learns_nothing(visitor, scores):
    refused = visitor.sign_in("nobody@example.org")
    assert refused.status_code == 403
    assert "Kim" not in refused.text
    assert cookie(visitor) == ""


def test_guessing_is_stopped_and_others_still_get_in(visitor, another):
    for _ in range(10):
        assert visitor.sign_in(KIM, "wrong").status_code == 403
    assert visitor.sign_in(KIM).status_code == 429
    assert another.sign_in(STRANGER).status_code == 200


def test_signing_in_gives_a_new_token_and_ends_the_former_session(kim, another):
    former = cookie(kim)
    kim.sign_in(KIM)
    assert cookie(kim) not in ("", former)
    another.client.cookies.set(sessions.COOKIE, former)
    assert another.get("/").url.path == "/sign-in"


def test_only_the_hash_of_a_token_is_on_file(kim, line):
    with line.connect() as conn:
        kept = conn.execute("SELECT token_hash::text FROM ledger.portal_session").fetchall()
    assert kept
    assert all(cookie(kim) not in row[0] for row in kept)


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_over_https_from_http(client, codes):
    given = client.get("https://testserver/sign-in").headers["set-cookie"].lower()
    assert "httponly" in given
    assert "samesite=lax" in given
    assert "secure" in given


@pytest.mark.parametrize(
    ("away", "path"), [(timedelta(minutes=29), SCORES), (timedelta(minutes=31), "/sign-in")]
)
def test_a_session_ends_when_it_lay_idle(kim, clock, away, path):
    clock.now += away
    assert kim.get(SCORES).url.path == path


def test_a_session_ends_after_half_a_day_whatever_happens(kim, clock):
    for _ in range(24):
        clock.now += timedelta(minutes=29)
        assert kim.get(SCORES).url.path == SCORES
    clock.now += timedelta(minutes=29)
    assert kim.get(SCORES).url.path == "/sign-in"


def test_signing_out_ends_the_session_and_not_the_others(kim, another):
    another.sign_in(KIM)
    token = cookie(kim)
    kim.send("/sign-out", on=SCORES)
    kim.client.cookies.set(sessions.COOKIE, token)
    assert kim.get(SCORES).url.path == "/sign-in"
    assert another.get(SCORES).url.path == SCORES


def test_signing_out_everywhere_ends_them_all(kim, another):
    another.sign_in(KIM)
    kim.send("/sign-out", on=f"/organizations/{SCHOOL}", everywhere="yes")
    assert another.get(SCORES).url.path == "/sign-in"


def test_a_contact_that_ends_takes_the_session_with_it(kim, line):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2026-11-22' WHERE email = %s", [KIM])
    assert kim.get(SCORES).url.path == "/sign-in"
    with line.connect() as conn:
        ended = conn.execute("SELECT DISTINCT ended_because FROM ledger.portal_session").fetchall()
    assert ("rights-ended",) in ended


def test_after_the_sign_in_one_is_back_where_one_was_going(kim, another):
    assert another.get(SCORES).url.path == "/sign-in"
    back = another.send("/sign-in", email=KIM, password=PASSWORD, back=SCORES)
    assert back.url.path == SCORES


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_nobody_is_led_to_another_site(kim, another, back):
    answer = another.send("/sign-in", email=KIM, password=PASSWORD, back=back)
    assert answer.url.host == "testserver"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/x"}],
)
def test_a_form_from_another_site_is_refused(kim, headers):
    token = csrf.token_of(cookie(kim))
    refused = kim.client.post("/sign-out", data={csrf.FIELD: token}, headers=headers)
    assert refused.status_code == 403
    assert kim.get(SCORES).url.path == SCORES


def test_a_form_without_the_sessions_token_is_refused(kim):
    refused = kim.client.post(
        "/sign-out", data={csrf.FIELD: "0" * 64}, headers={"Origin": "http://testserver"}
    )
    assert refused.status_code == 403


def test_a_page_that_is_put_into_another_is_told_to_open_the_sign_in_or_the_code_instead(kim, line, clock):
    asked_by_script = {"HX-Request": "true", "HX-Boosted": "true"}
    with line.connect() as conn:
        conn.execute("SET ROLE distribution_owner")
        conn.execute("TRUNCATE portal.redemption")
    told = kim.get(SCORES, headers=asked_by_script)
    assert told.headers["HX-Redirect"] == f"/organizations/{SCHOOL}/code"
    clock.now += timedelta(days=1)
    told = kim.get(SCORES, headers=asked_by_script)
    assert (told.status_code, told.text) == (204, "")
    assert told.headers["HX-Redirect"] == f"/sign-in?back={SCORES}"
    assert cookie(kim) == ""
