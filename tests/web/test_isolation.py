"""Nobody reaches another school's scores: every address, by every foreign school, year and result."""

import re
from io import BytesIO
from zipfile import ZipFile

import pytest
from starlette.testclient import TestClient

from distribution.web import csrf
from distribution.web.portal.score_pages import YEAR
from tests.web.conftest import (
    ALEX,
    DANA,
    DISTRICT,
    FOREIGN,
    KIM,
    SCHOOL,
    SCORES,
    SISTER,
    STRANGER,
    Visitor,
    cookie,
    stage,
)

FOREIGNERS = re.compile("Foreigner|Oldforeigner|R-F|C-6|C-7|Foreign School|Sisterly|R-S|C-5")
YEARS = ("2026-27", "2025-26", "2023-24", "1999-00", "2026-28", "x")
RESULTS = ("R-1", "R-F", "R-FOLD", "R-S", "R-NONE", "x'--", "%00", "..")


def paths(app) -> list[str]:
    """Every address of the application with every organisation, year and result in it."""
    found = set()
    for template in app.openapi()["paths"]:
        for organization in (FOREIGN, SISTER, DISTRICT, "999999", "%27"):
            for year in YEARS if "{year}" in template else ("",):
                for result in RESULTS if "{result_id}" in template else ("",):
                    found.add(
                        template.replace("{code}", organization)
                        .replace("{year}", year)
                        .replace("{result_id}", result)
                    )
    own = YEAR.replace("{code}", SCHOOL)
    found |= {own.replace("{year}", year) for year in YEARS}
    found |= {f"{own.replace('{year}', '2026-27')}/{result}/not-ours" for result in RESULTS[1:]}
    return sorted(found)


def test_no_address_shows_a_foreign_record(kim, app):
    asked = paths(app)
    assert len(asked) > 150
    for path in asked:
        for query in ("", "?open=all&all=1", f"?after={FOREIGN}.R-F", f"?school={FOREIGN}&exam=FINACC"):
            answer = kim.get(path + query)
            assert answer.status_code < 500, path
            body = answer.text.replace(f"{FOREIGN}.R-F", "") if query else answer.text
            assert not FOREIGNERS.search(body), path + query


def test_no_form_takes_or_changes_a_foreign_record(kim, app, line):
    token = csrf.token_of(cookie(kim))
    for path in paths(app):
        if path in ("/sign-out", "/sign-in", "/no-code") or path.startswith(f"/organizations/{SCHOOL}/"):
            continue
        for fields in ({"form": "csv"}, {"form": "xlsx", "what": "shown"}, {"words": "Foreigner"}):
            answer = kim.client.post(
                path, data={csrf.FIELD: token, **fields}, headers={"Origin": "http://testserver"}
            )
            assert answer.status_code in (303, 404, 405), path
            assert not FOREIGNERS.search(answer.text), path
    with line.connect() as conn:
        touched = conn.execute(
            "SELECT DISTINCT recipient FROM ledger.disclosure WHERE actor LIKE '%%(person %%'"
        ).fetchall()
    assert {row[0] for row in touched} <= {SCHOOL}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("what", ["", "shown"])
@pytest.mark.parametrize(
    "asked",
    [
        f"2026-27/scores/export?school={FOREIGN}",
        f"2026-27/scores/export?school={SISTER}",
        f"2026-27/scores/export?after={FOREIGN}.R-F",
        f"2026-27/scores/export?before={SISTER}.R-S",
        "2023-24/scores/export",
        f"2023-24/scores/export?school={FOREIGN}&all=1",
    ],
)
def test_no_export_under_the_own_address_holds_a_foreign_record(kim, line, form, what, asked):
    token = csrf.token_of(cookie(kim))
    answer = kim.client.post(
        f"/organizations/{SCHOOL}/years/{asked}",
        data={csrf.FIELD: token, "form": form, "what": what},
        headers={"Origin": "http://testserver"},
    )
    assert answer.status_code in (200, 404), answer.status_code
    assert not FOREIGNERS.search(words_of(answer))
    if answer.status_code == 404:
        assert refusals(line)[-1][1] in ("not-your-organization", "no-such-result")
    with line.connect() as conn:
        shown_of = conn.execute(
            "SELECT DISTINCT recipient FROM ledger.disclosure WHERE actor LIKE '%%(person %%'"
        ).fetchall()
    assert {row[0] for row in shown_of} <= {SCHOOL}


def words_of(answer) -> str:
    """The text of a page, a CSV, or all parts of a workbook."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    workbook = ZipFile(BytesIO(answer.content))
    return " ".join(workbook.read(name).decode() for name in workbook.namelist())


def test_every_refused_access_is_logged_with_who_where_and_what_was_asked_for(kim, line):
    stage(line, (FOREIGN, {"result_id": "R-71", "candidate_id": "C-71"}))
    kim.get(f"/organizations/{FOREIGN}/years/2026-27/scores")
    kim.get(f"{SCORES}/R-71/not-ours")
    kim.get(f"/organizations/{SCHOOL}/years/2023-24/scores")
    kim.get(f"{SCORES}?school={FOREIGN}")
    kim.get(f"{SCORES}?after={FOREIGN}.R-71")
    scores = "/organizations/{code}/years/{year}/scores"
    assert refusals(line)[-5:] == [
        (FOREIGN, "not-your-organization", f"GET {scores}", "2026-27", ""),
        (SCHOOL, "no-such-result", f"GET {scores}/{{result_id}}/not-ours", "2026-27", "R-71"),
        (SCHOOL, "no-such-result", f"GET {scores}", "2023-24", ""),
        (FOREIGN, "not-your-organization", f"GET {scores}", "2026-27", ""),
        (FOREIGN, "not-your-organization", f"GET {scores}", "2026-27", "R-71"),
    ]


def test_a_refused_export_says_so_and_a_word_in_an_address_is_no_id(kim, line):
    token = csrf.token_of(cookie(kim))
    kim.client.post(
        f"/organizations/{FOREIGN}/years/2026-27/scores/export",
        data={csrf.FIELD: token, "form": "csv"},
        headers={"Origin": "http://testserver"},
    )
    kim.get(f"{SCORES}/Foreigner/not-ours")
    kim.get("/organizations/Nguyen/people")
    page = "/organizations/{code}/years/{year}/scores"
    assert refusals(line)[-3:] == [
        (FOREIGN, "not-your-organization", f"POST {page}/export", "2026-27", ""),
        (SCHOOL, "no-such-result", f"GET {page}/{{result_id}}/not-ours", "2026-27", "?"),
        ("?", "not-your-organization", "GET /organizations/{code}/people", "", ""),
    ]


def refusals(line) -> list[tuple]:
    with line.connect() as conn:
        return conn.execute(
            """
            SELECT organization_code, reason, page, academic_year, result_id FROM portal.access_event
            WHERE outcome = 'refused' AND person_id IS NOT NULL ORDER BY event_id
            """
        ).fetchall()


def test_a_search_for_a_foreign_student_finds_nobody(kim):
    assert "No score matches" in kim.send(SCORES, words="Foreigner").text


def test_a_district_user_is_no_user_of_its_schools(visitor, codes, scores):
    """What changes something at a school is not open to its district."""
    visitor.enter(DANA, DISTRICT, codes[DISTRICT])
    token = csrf.token_of(cookie(visitor))
    own = {"headers": {"Origin": "http://testserver"}}
    named = visitor.client.post(
        f"/organizations/{SISTER}/people",
        data={csrf.FIELD: token, "name": "Eve", "email": "eve@example.org"},
        **own,
    )
    assert named.status_code == 403
    marked = visitor.client.post(
        f"/organizations/{SISTER}/years/2026-27/scores/R-S/not-ours", data={csrf.FIELD: token}, **own
    )
    assert marked.status_code == 404


def test_an_alternate_cannot_name_an_alternate(visitor, codes, scores):
    visitor.enter(ALEX, SCHOOL, codes[SCHOOL])
    people = f"/organizations/{SCHOOL}/people"
    assert "Name the alternate" not in visitor.get(people).text
    token = csrf.token_of(cookie(visitor))
    refused = visitor.client.post(
        people,
        data={csrf.FIELD: token, "name": "Eve", "email": "eve@example.org"},
        headers={"Origin": "http://testserver"},
    )
    assert refused.status_code == 403
    assert "eve@example.org" not in visitor.get(people).text.replace('value="eve@example.org"', "")


def test_a_coordinator_names_an_alternate_who_then_gets_in(kim, line):
    named = kim.send(f"/organizations/{SCHOOL}/people", name="Eve New", email="eve@example.org")
    assert named.status_code == 200
    assert "eve@example.org" in named.text


@pytest.mark.parametrize("typed", ["KFRM-72QT-9XWD-00", "", "x" * 200, "\0", "foreign"])
def test_unknown_and_foreign_codes_read_the_same(visitor, codes, scores, typed):
    visitor.sign_in(KIM)
    code = codes[FOREIGN] if typed == "foreign" else typed
    refused = visitor.send(f"/organizations/{SCHOOL}/code", access_code=code)
    assert refused.status_code == 422
    assert "This code was not accepted" in refused.text


def test_guessed_codes_meet_a_limit_and_others_still_get_in(visitor, another, codes, scores):
    visitor.sign_in(STRANGER)
    answers = [
        visitor.send(f"/organizations/{FOREIGN}/code", access_code=f"{n:014d}").status_code for n in range(8)
    ]
    assert answers[-1] == 429
    assert another.enter(KIM, SCHOOL, codes[SCHOOL]).status_code == 200
    assert another.get(SCORES).url.path == SCORES


def test_the_asker_without_code_is_never_told_who_the_coordinator_is(visitor, scores):
    told = visitor.send(
        "/no-code",
        name="Pat Doe",
        email="pat@example.org",
        role="Teacher",
        school_code=SCHOOL,
        message="",
    )
    assert told.status_code == 200
    assert "went to the coordinator" in told.text
    assert not re.search("Kim|kim@", told.text)


def test_an_unfinished_request_says_what_is_missing(visitor):
    told = visitor.send("/no-code", name="Pat Doe", email="no address", role="", school_code="")
    assert told.status_code == 422
    assert "a full e-mail address" in told.text


def test_every_answer_carries_the_headers_and_nothing_is_kept(kim):
    for path in (SCORES, "/sign-in", "/nowhere", "/health", f"/organizations/{FOREIGN}"):
        headers = kim.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_no_page_names_another_host(kim):
    for path in (SCORES, "/sign-in", f"/organizations/{SCHOOL}/help", "/static/portal.css"):
        text = kim.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"""(?:src|href|url\()\s*=?["'(]*(?:https?:)?//""", text), path


def test_no_log_line_holds_a_student(kim, caplog):
    with caplog.at_level("DEBUG"):
        kim.get(f"{SCORES}?open=all")
        kim.send(SCORES, words="Nguyễn")
        kim.send(f"{SCORES}/export", on=SCORES, form="csv")
        kim.get("/organizations/Nguyễn")
    own = [record.getMessage() for record in caplog.records if record.name.startswith("distribution")]
    assert own
    assert not re.search("Abara|Chidi|Nguy|C-1|C-2", " ".join(own))


def test_the_portal_tells_when_it_is_ready(client: TestClient):
    assert client.get("/health").status_code == 200


def test_the_description_of_the_application_is_shown_to_nobody(visitor: Visitor):
    for path in ("/openapi.json", "/docs", "/redoc"):
        assert visitor.get(path).status_code == 404
