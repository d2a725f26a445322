"""The scores tab: what it shows, finds, sorts, pages; that its export holds the same; who was shown what."""

import csv
import io
import re
import zipfile
from datetime import date

import pytest

from distribution.jobs import settle_marks
from tests.web.conftest import (
    ALEX,
    DANA,
    DISTRICT,
    FOREIGN,
    KIM,
    SCHOOL,
    SCORES,
    SISTER,
    Visitor,
    stage,
)

DISTRICT_SCORES = f"/organizations/{DISTRICT}/years/2026-27/scores"


def ids(text: str) -> list[str]:
    """The result ids of a page's rows, in order."""
    return re.findall(r'name="(?:open|close)" value="([^"]+)" aria-expanded', text)


def exported(visitor: Visitor, *, on: str = SCORES, form: str = "csv", what: str = "year") -> bytes:
    path, _, query = on.partition("?")
    answer = visitor.send(f"{path}/export{'?' + query if query else ''}", on=on, form=form, what=what)
    assert answer.status_code == 200
    return answer.content


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def disclosed(line, **where) -> list[tuple]:
    with line.connect() as conn:
        return conn.execute(
            """
            SELECT result_id, recipient, actor, artefact FROM ledger.disclosure
            WHERE actor LIKE '%person%' ORDER BY disclosure_id
            """
        ).fetchall()


def test_the_page_shows_the_schools_scores_of_the_year_in_order_of_names(kim):
    shown = kim.get(SCORES)
    assert ids(shown.text) == ["R-3", "R-1", "R-2"]
    assert "3 scores for 3 students" in shown.text
    assert "&lt;b&gt;Bold&lt;/b&gt;" in shown.text


def test_a_former_year_is_chosen_by_the_drop_down(kim):
    shown = kim.get(f"/organizations/{SCHOOL}/scores?year=2025-26")
    assert shown.url.path == f"/organizations/{SCHOOL}/years/2025-26/scores"
    assert ids(shown.text) == ["R-OLD"]


@pytest.mark.parametrize("typed", ["nguyen", "NGUYỄN ann", "C-2", "Ann, Nguyễn"])
def test_a_student_is_found_by_name_or_id_whatever_accents_and_case(kim, typed):
    found = kim.send(SCORES, words=typed)
    assert ids(found.text) == ["R-2"]
    assert "1 score</strong> of 3 match" in found.text


def test_what_was_searched_stands_in_no_address_and_is_gone_with_the_session(kim, line):
    found = kim.send(SCORES, words="Nguyễn")
    address = str(found.url)
    assert "guy" not in address.lower()
    kim.send("/sign-out", on=SCORES)
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM ledger.portal_search").fetchone() == (0,)


def test_another_session_cannot_use_a_search(kim, another, codes):
    address = kim.send(SCORES, words="Nguyễn").url
    another.sign_in(KIM)
    assert len(ids(another.get(str(address)).text)) == 3


def test_filters_leave_what_they_name_and_say_how_much(kim):
    assert ids(kim.send(SCORES, funding="voucher").text) == ["R-2"]
    assert "School voucher (1)" in kim.get(SCORES).text
    assert "November 2026 (3)" in kim.get(SCORES).text
    empty = kim.send(SCORES, month="2026-10")
    assert "No score matches these filters" in empty.text


def test_rows_open_and_close_without_script(kim):
    opened = kim.get(f"{SCORES}?open=R-1").text
    assert re.search(r'name="close" value="R-1" aria-expanded="true"', opened)
    assert opened.count('<tr class="more"') - opened.count("hidden>\n      <td colspan") == 1
    closed = kim.get(f"{SCORES}?open=R-1&open=R-2&close=R-1").text
    assert re.search(r'name="close" value="R-2"', closed)
    assert re.search(r'name="open" value="R-1" aria-expanded="false"', closed)
    assert kim.get(f"{SCORES}?open=all").text.count('aria-expanded="true"') == 3


def test_no_title_holds_a_student(kim):
    for path in (SCORES, f"{SCORES}?open=all", f"{SCORES}/R-1/not-ours"):
        title = re.search("<title>(.*?)</title>", kim.get(path).text)[1]
        assert not re.search("Abara|Chidi|Nguy|Bold", title)


def test_the_page_shows_what_is_new_since_the_last_visit_of_this_person(kim, another, line, codes, clock):
    kim.get(SCORES)
    with line.connect() as conn:
        conn.execute(
            "UPDATE ledger.portal_visit SET last_at = (SELECT max(staged_at) FROM portal.staged_score)"
        )
    stage(line, (SCHOOL, {"result_id": "R-9", "last_name": "Late", "candidate_id": "C-9"}))
    another.sign_in(KIM)
    shown = another.get(SCORES).text
    assert "1 new score since your last visit" in shown
    assert ids(another.get(f"{SCORES}?new=1").text) == ["R-9"]
    alex = Visitor(type(another.client)(another.client.app))
    alex.enter(ALEX, SCHOOL, codes[SCHOOL])
    assert "since your last visit" not in alex.get(SCORES).text


def test_a_corrected_score_says_what_it_was_and_a_cancelled_one_says_nothing(kim, line):
    stage(line, (SCHOOL, {"result_id": "R-1", "revision": 2, "scaled_score": 58, "candidate_id": "C-1"}))
    assert "was 55" in kim.get(SCORES).text
    stage(line, (SCHOOL, {"result_id": "R-1", "revision": 3, "status": "cancelled", "candidate_id": "C-1"}))
    shown = kim.get(SCORES).text
    assert "Cancelled" in shown
    assert "was 5" not in shown
    row = next(row for row in rows_of(exported(kim)) if row["result_id"] == "R-1")
    assert (row["status"], row["scaled_score"]) == ("cancelled", "")


def test_the_export_holds_the_year_whatever_the_filters_and_the_second_one_what_is_shown(kim):
    narrowed = str(kim.send(SCORES, funding="voucher").url).removeprefix("http://testserver")
    assert sorted(row["result_id"] for row in rows_of(exported(kim, on=narrowed))) == ["R-1", "R-2", "R-3"]
    assert [row["result_id"] for row in rows_of(exported(kim, on=narrowed, what="shown"))] == ["R-2"]


def test_every_view_and_export_says_who_saw_whom(kim, line):
    kim.get(f"{SCORES}?sort=name")
    seen = disclosed(line)
    assert {row[0] for row in seen} == {"R-1", "R-2", "R-3"}
    assert {row[1] for row in seen} == {SCHOOL}
    assert all(KIM in row[2] for row in seen)
    exported(kim)
    assert [row[0] for row in disclosed(line)[-3:]] == ["R-3", "R-1", "R-2"]
    assert disclosed(line)[-1][3] == "portal export 2026-27 csv"


def test_where_disclosures_cannot_be_written_nothing_is_shown(kim, line):
    with line.connect() as conn:
        conn.execute("SET ROLE distribution_owner")
        conn.execute("REVOKE INSERT ON ledger.disclosure FROM distribution_portal")
    refused = kim.get(SCORES)
    assert refused.status_code == 500
    assert "Abara" not in refused.text


@pytest.mark.parametrize(
    ("added", "changed", "told"),
    [
        (1, 0, "1 score was added after your last export."),
        (3, 0, "3 scores were added after your last export."),
        (2, 1, "2 scores were added and 1 was changed after your last export."),
        (0, 1, "1 score was changed after your last export."),
    ],
)
def test_what_came_after_the_last_export_is_told_on_home_and_scores(kim, line, added, changed, told):
    exported(kim)
    with line.connect() as conn:
        conn.execute(
            "UPDATE ledger.portal_export SET exported_at = (SELECT max(staged_at) FROM portal.staged_score)"
        )
    new = [(SCHOOL, {"result_id": f"R-9{n}", "candidate_id": f"C-9{n}"}) for n in range(added)]
    corrected = [(SCHOOL, {"result_id": "R-1", "revision": 2, "scaled_score": 58, "candidate_id": "C-1"})]
    stage(line, *new, *corrected[:changed])
    assert told in kim.get(f"/organizations/{SCHOOL}").text
    assert told in kim.get(SCORES).text


def test_an_export_of_what_is_shown_and_somebody_elses_count_for_nothing(kim, line, codes, another):
    exported(kim, what="shown")
    another.enter(ALEX, SCHOOL, codes[SCHOOL])
    exported(another)
    stage(line, (SCHOOL, {"result_id": "R-9", "candidate_id": "C-9"}))
    assert "last export" not in kim.get(SCORES).text


def test_not_our_student_takes_a_score_out_of_view_and_export(kim):
    assert "Abara" in kim.get(f"{SCORES}/R-1/not-ours").text
    shown = kim.send(f"{SCORES}/R-1/not-ours")
    assert ids(shown.text) == ["R-3", "R-2"]
    assert "R-1" not in {row["result_id"] for row in rows_of(exported(kim))}
    assert "our operations look into it" in shown.text


def test_the_coordinator_reads_what_operations_made_of_a_mark(kim, line):
    for result in ("R-1", "R-2"):
        kim.send(f"{SCORES}/{result}/not-ours")
    first, second = (row["id"] for row in settle_marks.listed(line))
    settle_marks.refuse(line, first, reason="She enrolled with you in May.", by="pat", at=line.now())
    settle_marks.confirm(line, second, reason="The board moved it.", by="pat", at=line.now())
    shown = kim.get(SCORES).text
    assert "it is in your list again. “She enrolled with you in May.”" in shown
    assert "it does not come back. “The board moved it.”" in shown
    assert ids(shown) == ["R-3", "R-1"]


def test_people_and_access_shows_where_the_code_went_masked(kim, line):
    with line.connect() as conn:
        conn.execute(
            """
            INSERT INTO ledger.mail (message_id, kind, organization_code, code_id, to_address, subject, body,
                                     state, sent_at)
            SELECT m.state, 'access-code', organization_code, code_id, 'office@alder.example.org', '', '',
                   m.state, m.sent_at
            FROM ledger.access_code,
                 (VALUES ('sent', '2026-06-16 14:00Z'::timestamptz), ('bounced', '2026-06-15 14:00Z'))
                     AS m (state, sent_at)
            WHERE organization_code = %s
            """,
            [SCHOOL],
        )
    shown = kim.get(f"/organizations/{SCHOOL}/people").text
    assert "To o…@alder.example.org on Jun 16, 2026." in shown
    assert "To o…@alder.example.org on Jun 15, 2026: it came back." in shown
    assert "office@" not in shown


def test_a_district_reads_its_schools_and_changes_nothing(visitor, codes, scores):
    visitor.enter(DANA, DISTRICT, codes[DISTRICT])
    assert sorted(ids(visitor.get(DISTRICT_SCORES).text)) == ["R-1", "R-2", "R-3", "R-S"]
    assert ids(visitor.send(DISTRICT_SCORES, school=SISTER).text) == ["R-S"]
    school = f"/organizations/{SISTER}/years/2026-27/scores"
    assert ids(visitor.get(school).text) == ["R-S"]
    assert "not-ours" not in visitor.get(school).text
    assert visitor.get(f"{school}/R-S/not-ours").status_code == 404
    assert visitor.get(f"/organizations/{FOREIGN}/years/2026-27/scores").status_code == 404


def test_a_spreadsheet_gets_texts_as_texts(kim, line):
    stage(line, (SCHOOL, {"result_id": "R-9", "last_name": "=1+1", "candidate_id": "-2"}))
    book = zipfile.ZipFile(io.BytesIO(exported(kim, form="xlsx")))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert len(re.findall("<row ", sheet)) == 5
    assert "'=1+1" in exported(kim).decode("utf-8-sig")


@pytest.fixture
def many(kim, line):
    """120 scores of many names, exams, payers and months."""
    exams = ("FINACC", "CALCUL")
    stage(
        line,
        *[
            (
                SCHOOL,
                {
                    "result_id": f"M-{number:03d}",
                    "candidate_id": f"{number % 80:05d}",
                    "last_name": ["Null", "Şahin", "Lee", "O'Brien", "-Dash", "Zoë"][number % 6],
                    "first_name": "ABCDEFGH"[number % 8],
                    "exam_code": exams[number % 2],
                    "funding": ("self", "voucher", "dantes", "other")[number % 4],
                    "test_date": date(2026, 7 + number % 5, 1 + number % 20),
                    "scaled_score": 20 + number % 61,
                },
            )
            for number in range(120)
        ],
    )
    return kim


def test_paging_goes_back_to_where_it_came_from(many):
    first = many.get(f"{SCORES}?sort=tested&descending=1").text
    following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = many.get(SCORES + following).text
    back = re.search(r'rel="prev" href="([^"]+)"', second)[1].replace("&amp;", "&")
    assert ids(many.get(SCORES + back).text) == ids(first)
    assert not set(ids(first)) & set(ids(second))
    for where in (following, back):
        assert not re.search("Null|ahin|Lee|Zo", where)
