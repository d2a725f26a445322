"""Table and export hold the same, cell by cell, for a school and a district, whatever the filters."""

import csv
import io
import string
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distribution.web.portal.pages import because, day
from tests.support.portal_table import all_pages, rows_of
from tests.web.conftest import DANA, DISTRICT, FOREIGN, KIM, SCHOOL, SISTER, Visitor, stage

EXAMS, FUNDINGS = ("FINACC", "CALCUL"), ("self", "voucher", "dantes", "other")
NAMES = ("Null", "Şahin", "sahin", "Lee", "O'Brien", "-Dash", "Zoë", "Dąbrowski", "Lee;=1+1")
TITLES = {"self": "Self-paid", "voucher": "School voucher", "dantes": "DANTES", "other": "Other funded"}


def result(number: int) -> dict:
    """Of many names, exams, payers, months and scores; some names are the same in all but case or accents."""
    return {
        "result_id": f"M-{number:03d}",
        "candidate_id": f"{number % 80:05d}",
        "last_name": NAMES[number % len(NAMES)],
        "first_name": string.ascii_uppercase[number % 26],
        "middle_name": ("", "Bo", "'Abdu")[number % 3],
        "birth_date": date(2005 + number % 6, 1 + number % 12, 3),
        "exam_code": EXAMS[number % 2],
        "funding": FUNDINGS[number % 4],
        "voucher_order_id": f"V-{number}" if number % 4 == 1 else "",
        "test_date": date(2026, 7 + number % 5, 1 + number % 20),
        "scaled_score": 20 + number % 61,
    }


def changed(number: int) -> dict:
    """Another revision: every second one cancels, the others correct the score."""
    again = {**result(number), "revision": 2}
    return {**again, "status": "cancelled"} if number % 2 else {**again, "scaled_score": 80 - number % 61}


@pytest.fixture
def readers(visitor, another, line, codes) -> dict[str, Visitor]:
    """Coordinators of a school and of its district, over 150 scores, some corrected, cancelled, withheld."""
    schools = [SISTER if number % 5 == 0 else SCHOOL for number in range(150)]
    stage(line, *[(school, result(number)) for number, school in enumerate(schools)])
    stage(line, (FOREIGN, {**result(999), "result_id": "M-999"}))
    stage(line, *[(schools[number], changed(number)) for number in range(0, 150, 11)])
    visitor.enter(KIM, SCHOOL, codes[SCHOOL])
    another.enter(DANA, DISTRICT, codes[DISTRICT])
    return {SCHOOL: visitor, DISTRICT: another}


def exported(visitor: Visitor, address: str, *, what: str) -> list[dict[str, str]]:
    path, _, query = address.partition("?")
    answer = visitor.send(f"{path}/export?{query}", on=address, form="csv", what=what)
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@") else cell


def as_shown(row: dict[str, str]) -> dict[str, str]:
    """What the page shows of an exported row, written from the export's cells alone."""
    last, first, middle = (unguarded(row[name]) for name in ("last_name", "first_name", "middle_name"))
    is_cancelled, is_hidden = row["status"] == "cancelled", row["status"] == "withheld"
    words = {
        "result": unguarded(row["result_id"]),
        "student": f"{last}, {first}{f' {middle[0]}.' if middle else ''}",
        "exam": row["exam_title"],
        "score": row["scaled_score"] or ("Cancelled" if is_cancelled else "Not shown"),
        "tested": day(date.fromisoformat(row["test_date"])),
        "funding": TITLES[row["funding"]],
        "birth": day(date.fromisoformat(row["birth_date"])),
        "candidate": unguarded(row["candidate_id"]),
        "credits": row["recommended_credits"] or "None",
        "released": day(date.fromisoformat(row["released_on"])),
        "revision": row["revision"],
        "because": because(row["seen_because"]),
    }
    if row["voucher_order_id"]:
        words["order"] = unguarded(row["voucher_order_id"])
    if is_cancelled or is_hidden:
        words["exam/tag"] = "Cancelled" if is_cancelled else "Withheld"
    elif row["revision"] != "1":
        words["exam/tag"] = f"Corrected {words['released']}"
    return words


def cells(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """A page's rows without what an export does not hold: the former score, the line under the name."""
    return [{name: text for name, text in row.items() if name not in ("score/was", "student/under")}
            for row in rows]  # fmt: skip


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    own=st.sampled_from([SCHOOL, DISTRICT]),
    sort=st.sampled_from(["", "name", "exam", "score", "tested", "funding"]),
    descending=st.sampled_from(["", "1"]),
    school=st.sampled_from(["", SCHOOL, SISTER]),
    exam=st.sampled_from(["", *EXAMS]),
    funding=st.sampled_from(["", *FUNDINGS]),
    month=st.sampled_from(["", "", "2026-07", "2026-11"]),
    words=st.sampled_from(["", "", "null", "sahin", "O'B", "zoe b", "00", "%", "nobody"]),
)
def test_all_pages_together_hold_what_the_export_holds(
    readers, own, sort, descending, school, exam, funding, month, words
):
    visitor, path = readers[own], f"/organizations/{own}/years/2026-27/scores"
    asked = {"school": school if own == DISTRICT else "", "exam": exam, "funding": funding, "month": month}
    query = str(visitor.send(path, words=words, **asked).url).partition("?")[2]
    query += f"&sort={sort}&descending={descending}"
    paged = [
        row for rows in all_pages(lambda address: visitor.get(address).text, path, query) for row in rows
    ]
    shown = exported(visitor, f"{path}?{query}", what="shown") if paged else []
    assert cells(paged) == [as_shown(row) for row in shown]
    assert len({(row["result"]) for row in paged}) == len(paged)
    year = exported(visitor, f"{path}?{query}", what="year")
    assert len(year) == (120 if own == SCHOOL else 150)
    kept = [row for row in year if row["result_id"] in {each["result_id"] for each in shown}]
    assert sorted(kept, key=str) == sorted(shown, key=str)
    for name, value in {"school_code": asked["school"], "exam_code": exam, "funding": funding}.items():
        assert {row[name] for row in shown} <= ({value} if value else {row[name] for row in year})


def test_the_table_of_a_page_is_read_as_it_stands(readers):
    """The reader of the pages sees what differs: a score, a tag, an order that is not there."""
    path = f"/organizations/{SCHOOL}/years/2026-27/scores"
    rows = {row["result"]: row for row in rows_of(readers[SCHOOL].get(f"{path}?all=1&open=all").text)}
    assert len(rows) == 120
    assert rows["M-022"]["score"] == "58"
    assert rows["M-022"]["score/was"] == "was 42"
    assert rows["M-011"]["exam/tag"] == "Cancelled"
    assert rows["M-001"] == {
        "result": "M-001", "student": "Şahin, B B.", "exam": "Calculus", "score": "21",
        "tested": "Aug 2, 2026", "funding": "School voucher", "birth": "Feb 3, 2006", "candidate": "00001",
        "credits": "None", "released": "Nov 23, 2026", "revision": "1", "order": "V-1",
        "because": "The student named your school",
    }  # fmt: skip
