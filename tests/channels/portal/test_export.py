"""A school's year as CSV: what stands in it, who is told of it, and what a spreadsheet would make of it."""

import csv
import io
from datetime import date

import psycopg
import pytest

from distribution.channels.portal import export
from distribution.channels.portal.questions import Question, Reader
from distribution.errors import PermanentError, UsageError
from distribution.jobs import export_school
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger.connection import Role
from tests.support import records

SCHOOL, SISTER, STRANGER, DISTRICT = "123456", "123457", "654321", "D00001"
DAY = date(2026, 11, 24)
CONTRACT_COLUMNS = (
    "academic_year,school_code,school_name,result_id,candidate_id,last_name,first_name,middle_name,"
    "birth_date,gender,exam_code,exam_title,test_date,scaled_score,recommended_credits,funding,"
    "voucher_order_id,seen_because,revision,status,released_on"
)


@pytest.fixture
def line(line):
    """Two schools of a district, one outside it."""
    with line.connect() as conn:
        records.institution(conn, DISTRICT, kind="district", name="Our District")
        for school in (SCHOOL, SISTER):
            records.institution(conn, school, district_code=DISTRICT, name=f"Łódź {school}")
        records.institution(conn, STRANGER)
    return line


def stage(line, *rows):
    """Stage one result per row: (school, values)."""
    with line.connect() as conn:
        for number, (school, given) in enumerate(rows):
            given = {"candidate_id": f"C{number}", **given}
            version = records.result(conn, given.pop("result_id", f"R-{number}"), **given)
            records.owe(conn, version, school, given.get("action", "N"))
    stage_scores(line, run_id="N20261123-01", on=date(2026, 11, 23))


def exported(line, code=SCHOOL, *, year=2026, on=DAY):
    """The export's rows as a reader of the file sees them."""
    out = io.BytesIO()
    outcome = export_school.export_year(line, code, year=year, on=on, out=out)
    text = out.getvalue()
    assert len(text) == outcome.size_bytes
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    assert len(rows) == outcome.rows
    return rows


def test_the_file_has_a_bom_and_the_contracts_columns(line):
    stage(line, (SCHOOL, {}))
    out = io.BytesIO()
    export_school.export_year(line, SCHOOL, year=2026, on=DAY, out=out)
    assert out.getvalue().startswith(b"\xef\xbb\xbfacademic_year,")
    assert out.getvalue().decode("utf-8-sig").splitlines()[0] == CONTRACT_COLUMNS


def test_a_row_holds_what_the_school_sees(line):
    stage(line, (SCHOOL, {"candidate_id": "007", "middle_name": 'O\'Brien, "Bo"', "gender": "X"}))
    assert exported(line) == [
        {
            "academic_year": "2026-27", "school_code": SCHOOL, "school_name": f"Łódź {SCHOOL}",
            "result_id": "R-0", "candidate_id": "007", "last_name": "Nguyễn", "first_name": "Ann",
            "middle_name": "O'Brien, \"Bo\"", "birth_date": "2008-05-01", "gender": "X",
            "exam_code": "FINACC", "exam_title": "Financial Accounting", "test_date": "2026-11-20",
            "scaled_score": "55", "recommended_credits": "3", "funding": "self", "voucher_order_id": "",
            "seen_because": "attending", "revision": "1", "status": "scored", "released_on": "2026-11-23",
        }
    ]  # fmt: skip


def test_names_that_programs_take_for_something_else_survive(line):
    names = ["'Abdu", "007", "1e5", "NA", "NaN", "None", "Null", "TRUE", "\\.", "\\N"]
    stage(line, *[(SCHOOL, {"last_name": name}) for name in names])
    assert sorted(row["last_name"] for row in exported(line)) == names


def test_what_a_spreadsheet_would_run_is_led_by_an_apostrophe(line):
    texts = ["+1", "-", "-1", "=1+1", "@SUM(A1)", "＝1+1"]
    stage(line, *[(SCHOOL, {"last_name": text, "first_name": "A=1"}) for text in texts])
    rows = exported(line)
    assert sorted(row["last_name"] for row in rows) == [f"'{text}" for text in texts]
    assert {row["first_name"] for row in rows} == {"A=1"}


def test_a_semicolon_parts_no_cell(line):
    """A spreadsheet that parts cells by semicolons too leaves a quoted one whole."""
    stage(line, (SCHOOL, {"last_name": "Lee;=1+1", "candidate_id": "C-1"}))
    out = io.BytesIO()
    export_school.export_year(line, SCHOOL, year=2026, on=DAY, out=out)
    assert ',"C-1","Lee;=1+1","Ann","",2008-05-01,' in out.getvalue().decode("utf-8-sig")
    assert exported(line)[0]["last_name"] == "Lee;=1+1"


def test_a_candidate_id_that_begins_with_a_dash_is_guarded_too(line):
    stage(line, (SCHOOL, {"candidate_id": "-123"}))
    assert exported(line)[0]["candidate_id"] == "'-123"


def test_a_school_gets_its_own_rows_of_the_asked_year_in_order_of_names(line):
    stage(
        line,
        (SCHOOL, {"last_name": "Zoë"}),
        (SCHOOL, {"last_name": "Abe"}),
        (STRANGER, {}),
        (SISTER, {}),
        (SCHOOL, {"test_date": date(2026, 6, 30)}),
    )
    assert [row["last_name"] for row in exported(line)] == ["Abe", "Zoë"]
    assert [row["academic_year"] for row in exported(line, year=2025)] == ["2025-26"]


def test_a_district_gets_its_own_and_its_schools_rows_as_of_the_day(line):
    stage(line, (SCHOOL, {}), (SISTER, {}), (DISTRICT, {}), (STRANGER, {}))
    assert sorted({row["school_code"] for row in exported(line, DISTRICT)}) == [SCHOOL, SISTER, DISTRICT]
    with line.connect() as conn:
        records.institution(conn, SISTER, name="Left the district", valid_from=date(2026, 12, 1))
    assert SISTER in {row["school_code"] for row in exported(line, DISTRICT)}
    left = exported(line, DISTRICT, on=date(2026, 12, 1))
    assert sorted({row["school_code"] for row in left}) == [SCHOOL, DISTRICT]


def test_a_school_does_not_get_its_districts_rows(line):
    stage(line, (DISTRICT, {}))
    assert exported(line, SCHOOL) == []


def test_a_cancelled_score_is_a_row_without_score_and_a_withheld_one_hides_it(line):
    stage(line, (SCHOOL, {"result_id": "R-C"}), (SCHOOL, {"result_id": "R-W"}))
    with line.connect() as conn:
        cancelled = records.result(conn, "R-C", 2, status="cancelled")
        records.owe(conn, cancelled, SCHOOL, "X")
        records.result(conn, "R-W", 2, status="withheld")
    stage_scores(line, run_id="N20261124-01", on=DAY)
    told = [
        (row["result_id"], row["status"], row["scaled_score"], row["recommended_credits"])
        for row in exported(line)
    ]
    assert sorted(told) == [("R-C", "cancelled", "", ""), ("R-W", "withheld", "", "")]


def test_expired_scores_are_left_out(line):
    stage(line, (SCHOOL, {}))
    assert len(exported(line, on=date(2036, 11, 20))) == 1
    assert exported(line, on=date(2036, 11, 21)) == []


def test_every_exported_record_is_disclosed_and_the_command_is_logged(line, monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "kim")
    stage(line, (SCHOOL, {}), (SISTER, {}))
    exported(line, DISTRICT)
    with line.connect() as conn:
        disclosed = conn.execute(
            """
            SELECT result_id, candidate_id, recipient, channel, basis, artefact
            FROM ledger.disclosure WHERE actor = 'kim' ORDER BY result_id
            """
        ).fetchall()
        logged = conn.execute("SELECT actor, command, result_ids FROM ledger.access_log").fetchall()
    command = f"school export {DISTRICT} --year 2026-27"
    assert disclosed == [
        ("R-0", "C0", SCHOOL, "portal", "attending", command),
        ("R-1", "C1", SISTER, "portal", "attending", command),
    ]
    assert logged == [("kim", command, ["R-0", "R-1"])]


def test_nothing_leaves_when_the_disclosures_cannot_be_recorded(line):
    stage(line, (SCHOOL, {}))
    with psycopg.connect(line.url) as owner:
        owner.execute("REVOKE INSERT ON ledger.access_log FROM distribution_portal")
    out = io.BytesIO()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        export_school.export_year(line, SCHOOL, year=2026, on=DAY, out=out)
    assert out.getvalue() == b""


def test_the_export_itself_sees_no_school_but_those_it_was_asked_for(line):
    """Even if the query named another school, the database would not give its rows."""
    stage(line, (SCHOOL, {}), (STRANGER, {}))
    asked = {
        "question": Question(schools={STRANGER: "x"}, year=2026, on=DAY),
        "reader": Reader("kim", "test"),
    }
    with line.connect() as pipeline, pytest.raises(PermanentError):
        export.write_csv(pipeline, io.BytesIO(), **asked)
    with line.connect(role=Role.PORTAL) as conn:
        assert export.write_csv(conn, io.BytesIO(), **asked).rows == 1


def test_a_file_stands_under_its_name_whole_and_for_its_owner_alone(line, tmp_path):
    stage(line, (SCHOOL, {}))
    path = tmp_path / "out.csv"
    export_school.export_year(line, SCHOOL, year=2026, on=DAY, out=path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfacademic_year")
    assert path.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.glob("out.csv*")] == ["out.csv"]


def test_a_folder_that_is_not_there_is_a_plain_error(line, tmp_path):
    with pytest.raises(PermanentError, match="Choose another"):
        export_school.export_year(line, SCHOOL, year=2026, on=DAY, out=tmp_path / "none" / "out.csv")


def test_an_organisation_that_is_not_on_file_is_a_usage_error(line):
    with pytest.raises(UsageError, match="999999"):
        export_school.export_year(line, "999999", year=2026, on=DAY, out=io.BytesIO())


def test_the_list_of_schools_counts_scores_and_names_no_student(line):
    stage(line, (SCHOOL, {}), (SCHOOL, {}))
    rows = {row["code"]: row for row in export_school.schools(line, on=DAY)}
    assert rows[SCHOOL]["scores"] == 2
    assert rows[SCHOOL]["academic_years"] == ["2026-27"]
    assert rows[STRANGER]["scores"] == 0
    assert rows[DISTRICT]["kind"] == "district"
    assert "Nguyễn" not in str(rows)
