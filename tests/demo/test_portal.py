"""The portal's demo: three academic years, this year's codes, and accounts that get in."""

import pytest

from distribution.demo import portal
from distribution.jobs import export_school
from distribution.jobs.wiring import Line
from tests.conftest import NIGHT
from tests.support.demo_ports import keep_free_ports

ON = NIGHT.date()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(portal, "_ROWS", 400)
    monkeypatch.setattr(portal, "_FORMER_ROWS", 300)


@pytest.fixture
def made(line, small) -> Line:
    portal.make(line)
    return line


def counted(line: Line, query: str) -> list[tuple]:
    with line.connect() as conn:
        return conn.execute(query).fetchall()


def test_schools_see_three_academic_years_and_former_results_are_owed_to_schools_alone(made):
    years = [year for school in export_school.schools(made, on=ON) for year in school["academic_years"]]
    for year in ("2024-25", "2025-26", "2026-27"):
        assert years.count(year) > 3
    channels = counted(
        made,
        """
        SELECT DISTINCT d.channel FROM ledger.delivery AS d
        JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
        WHERE v.history
        """,
    )
    assert channels == [("portal",)]


def test_every_organization_that_ordered_has_one_code_of_the_running_year(made):
    codes = counted(
        made,
        """
        SELECT academic_year, count(*), count(DISTINCT organization_code)
        FROM ledger.access_code
        GROUP BY academic_year
        """,
    )
    assert [row[0] for row in codes] == [2026]
    assert codes[0][1] == codes[0][2] > 5


def test_made_again_nothing_is_added(made):
    count = "SELECT (SELECT count(*) FROM ledger.result_version), (SELECT count(*) FROM ledger.access_code)"
    before = counted(made, count)
    portal.make(made)
    assert counted(made, count) == before


def test_without_serving_it_prints_accounts_and_where_the_codes_lie(line, small, monkeypatch, capsys):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    keep_free_ports(line.settings)
    assert portal.main([]) == 0
    told = capsys.readouterr().out
    assert "Sign in with one of these" in told
    assert "coordinator" in told
    mailbox = line.settings.home / "demo" / "mailbox"
    assert str(mailbox) in told
    assert any("access code" in path.read_text("utf-8", "replace").lower() for path in mailbox.glob("*.eml"))
    assert not (line.settings.demo / "processes.json").exists(), "nothing is left running"
