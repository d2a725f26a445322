"""Names stand where people look for them, on every page of the table and in the export alike."""

import csv
import io
from datetime import date

import pytest

from distribution.channels.portal import access, export, scores
from distribution.channels.portal.questions import Question, Reader, Sort
from distribution.channels.portal.scores import Cursor
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger.connection import Role
from tests.support import records

SCHOOL, SISTER = "123456", "123457"
DAY = date(2026, 11, 24)
READER = Reader("test", "test")
# In order: last names, the first names of equal ones, and equal in both (by result id, which grows).
NAMES = [
    ("abara", "Zoe"),
    ("Æbel", "Ann"),
    ("ʻAkaka", "Ann"),
    ("Dabrowski", "Ann"),
    ("Dąbrowski", "ann"),
    ("DABROWSKI", "Bo"),
    ("de la Cruz", "Ann"),
    ("Dean", "Ann"),
    ("Delacruz", "Ann"),
    ("Domínguez", "Ann"),
    ("Lee", "Zoë"),
    ("Lee Smith", "Ann"),
    ("Lee-Smith", "Bo"),
    ("Leeds", "Ann"),
    ("Lucas", "Ann"),
    ("Łuczak", "Ann"),
    ("Nguyen", "Ann"),
    ("Nguyễn", "Ann"),
    ("Obrecht", "Ann"),
    ("O'Brien", "Ann"),
    ("O’Brien", "Bo"),
    ("OBrien", "Cy"),
    ("Obst", "Ann"),
    ("St. John", "Ann"),
    ("Strasse", "Ann"),
    ("Straße", "Bo"),
    ("Zoë", "Ann"),
    ("Ωμέγα", "Ann"),
    ("李", "Ann"),
]
IDS = [f"R-{number:02d}" for number in range(len(NAMES))]


@pytest.fixture(scope="module")
def line(module_line):
    """The names above, staged in another order, at two schools in turn."""
    with module_line.connect() as conn:
        for number in sorted(range(len(NAMES)), key=lambda n: n * 7 % len(NAMES)):
            last, first = NAMES[number]
            version = records.result(conn, IDS[number], last_name=last, first_name=first)
            records.owe(conn, version, (SCHOOL, SISTER)[number % 2])
    stage_scores(module_line, run_id="N20261123-01", on=date(2026, 11, 23))
    return module_line


@pytest.fixture
def portal(line):
    with line.connect(role=Role.PORTAL) as conn:
        yield conn


def question(*schools: str, **asked) -> Question:
    return Question(schools=dict.fromkeys(schools, "School"), year=2026, on=DAY, **asked)


def paged(portal, asked: Question, *, size: int) -> list[str]:
    """The result ids of all pages, each begun after the last row of the one before."""
    found, cursor = [], None
    while True:
        with access.as_schools(portal, asked.schools):
            page = scores.page(portal, asked, reader=READER, cursor=cursor, size=size)
        found += [row["result_id"] for row in page.rows]
        if not page.has_next:
            return found
        cursor = Cursor(page.rows[-1]["school_code"], page.rows[-1]["result_id"])


def exported(portal, asked: Question) -> list[str]:
    out = io.BytesIO()
    export.write_csv(portal, out, question=asked, reader=READER)
    rows = csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline=""))
    return [row["result_id"] for row in rows]


def test_accents_case_apostrophes_and_hyphens_do_not_part_names(portal):
    assert paged(portal, question(SCHOOL, SISTER), size=100) == IDS


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pages_of_any_size_hold_every_row_once_also_among_equal_names(portal, size):
    assert paged(portal, question(SCHOOL, SISTER), size=size) == IDS
    assert paged(portal, question(SCHOOL), size=size) == IDS[0::2]
    assert paged(portal, question(SCHOOL, SISTER, descending=True), size=size) == IDS[::-1]


@pytest.mark.parametrize("schools", [(SCHOOL,), (SCHOOL, SISTER)])
@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("descending", [False, True])
def test_the_export_has_the_tables_order(portal, schools, sort, descending):
    asked = question(*schools, sort=sort, descending=descending)
    assert exported(portal, asked) == paged(portal, asked, size=10)


def test_a_schools_page_is_read_from_the_index_of_names(portal):
    with access.as_schools(portal, [SCHOOL]):
        portal.execute("SET LOCAL enable_seqscan = off")
        portal.execute("SET LOCAL enable_sort = off")
        plan = portal.execute(
            """
            EXPLAIN SELECT result_id FROM portal.score
            WHERE school_code = %s AND academic_year = 2026
            ORDER BY name_key, result_id
            """,
            [SCHOOL],
        ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "school_code_academic_year_name_key_result_id" in text
    assert "Sort" not in text
