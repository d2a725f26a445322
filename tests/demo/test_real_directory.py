"""The demo over a directory file: codes by row number, successors followed, schools apart from DIs."""

import csv
from datetime import date
from pathlib import Path

import pytest
import yaml

from distribution.demo.feed import write_demo_feed
from distribution.demo.real_directory import COLUMNS, read_directory
from distribution.errors import UsageError
from distribution.model import FeedKind

MONDAY = date(2026, 11, 23)
ROWS = 80
MERGED, SUCCESSOR, CLOSED, NO_ADDRESS, WITHOUT_DATE = 4, 7, 12, 15, 19


def directory_rows() -> list[dict[str, str]]:
    rows = [
        {
            "unitid": f"{100_000 + number}",
            "name": f"College of Row {number}" if number % 2 else f"Row {number} University",
            "address_1": f"{number} Main Street",
            "city": "Dayton",
            "state": "OH",
            "postal_code": "45402",
            "control": "public",
            "active": "yes",
            "closed_on": "",
            "successor_unitid": "",
        }
        for number in range(1, ROWS + 1)
    ]
    rows[MERGED - 1] |= {"active": "no", "successor_unitid": f"{100_000 + SUCCESSOR}"}
    rows[CLOSED - 1] |= {"active": "no", "closed_on": "06/30/2020"}
    rows[NO_ADDRESS - 1] |= {"address_1": ""}
    rows[WITHOUT_DATE - 1] |= {"closed_on": "12/31/2020"}
    return rows


@pytest.fixture
def directory_file(tmp_path: Path) -> Path:
    path = tmp_path / "directory.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(directory_rows())
    return path


def test_half_of_the_rows_get_paper_a_quarter_files_and_a_quarter_are_schools(directory_file):
    organizations = read_directory(directory_file).organizations
    methods = [one.delivery_method for one in organizations]
    assert {method: methods.count(method) for method in set(methods)} == {
        "paper": ROWS // 2,
        "electronic": ROWS // 4,
        "portal": ROWS // 4,
    }


def test_a_di_gets_its_row_number_and_a_school_47_before_it(directory_file):
    for number, one in enumerate(read_directory(directory_file).organizations, start=1):
        school = one.kind == "high_school"
        assert one.code == (f"47{number:04d}" if school else f"{number:04d}")
        assert school == (one.delivery_method == "portal")


def test_successors_and_the_closed_are_dis_and_keep_what_the_file_says(directory_file):
    by_row = dict(enumerate(read_directory(directory_file).organizations, start=1))
    assert (by_row[MERGED].status, by_row[MERGED].successor_code) == ("closed", by_row[SUCCESSOR].code)
    assert {len(by_row[row].code) for row in (MERGED, SUCCESSOR)} == {4}
    assert (by_row[CLOSED].status, by_row[CLOSED].valid_from) == ("closed", "2020-06-30")
    assert by_row[CLOSED].successor_code == ""
    assert by_row[WITHOUT_DATE].status == "active"


def test_an_incomplete_address_stays_as_it_is_on_paper(directory_file):
    one = read_directory(directory_file).organizations[NO_ADDRESS - 1]
    assert (one.delivery_method, one.address_1, one.city) == ("paper", "", "Dayton")


def test_every_active_electronic_di_gets_an_endpoint_and_an_account(directory_file, tmp_path):
    home = tmp_path / "home"
    feed = write_demo_feed(
        home / "inbox", rows=200, seed=1, day=MONDAY, institutions=directory_file, home=home
    )
    with feed.path(FeedKind.INSTITUTIONS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    electronic = {
        row["code"] for row in rows if row["delivery_method"] == "electronic" and row["status"] == "active"
    }
    endpoints = yaml.safe_load(feed.endpoints_file.read_text("utf-8"))["endpoints"]
    assert {one["code"] for one in endpoints} == electronic
    assert {one["credential"] for one in endpoints} == {path.stem for path in (home / "secrets").iterdir()}
    assert {oct((home / "secrets" / f"di-{code}.key").stat().st_mode & 0o777) for code in electronic} == {
        "0o600"
    }


def test_a_file_without_the_columns_is_refused_with_the_columns_it_needs(tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("unitid,name\n1,College\n", "utf-8")
    with pytest.raises(UsageError, match="lacks the columns"):
        read_directory(wrong)
    with pytest.raises(UsageError, match="cannot be read"):
        read_directory(tmp_path / "absent.csv")
