"""`codes` and `school` on the command line, as a person or a script calls them."""

import json
from datetime import date

import pytest

from distribution.cli.app import main
from distribution.jobs.stage_scores import stage_scores
from tests.support import records


@pytest.fixture
def line(line, monkeypatch):
    """The commands' own settings name this line's home and database."""
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    with line.connect() as conn:
        records.institution(conn, "123456")
        records.contact(conn, "123456")
        records.order(conn, "123456", date(2026, 9, 1))
        records.owe(conn, records.result(conn), "123456")
    stage_scores(line, run_id="N20261123-01", on=date(2026, 11, 23))
    return line


def test_codes_are_previewed_asked_for_issued_and_listed(line, capsys):
    issue = ["codes", "issue", "--year", "2027-28", "--date", "2027-06-15"]
    assert main(["codes", "preview", "--year", "2027-28", "--date", "2027-06-15", "--json"]) == 0
    previewed = json.loads(capsys.readouterr().out)
    assert previewed["to_mail"] == ["123456"]
    assert main([*issue, "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == previewed
    assert "--approve" in captured.err
    assert main([*issue, "--approve"]) == 2, "there is no terminal to ask on"
    capsys.readouterr()
    assert main([*issue, "--approve", "--yes", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["minted"], outcome["waiting"], outcome["balanced"]) == (1, ["123456"], True)
    assert main(["codes", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["codes"]
    assert [(row["organization"], row["academic_year"], row["state"]) for row in rows] == [
        ("123456", "2027-28", "issued")
    ]


def test_a_wrong_year_or_date_is_a_usage_error(line, capsys):
    assert main(["codes", "preview", "--year", "2027"]) == 2
    assert main(["codes", "preview", "--year", "2027-28", "--date", "June"]) == 2
    assert main(["school", "export", "999999", "--year", "2026-27"]) == 2
    assert "999999" in capsys.readouterr().err


def test_schools_are_listed_and_exported(line, capfdbinary, tmp_path):
    assert main(["school", "list", "--json"]) == 0
    listed = json.loads(capfdbinary.readouterr().out)["schools"]
    assert [(row["code"], row["scores"]) for row in listed] == [("123456", 1)]
    export = ["school", "export", "123456", "--year", "2026-27", "--date", "2026-11-24"]
    assert main(export) == 0
    written = capfdbinary.readouterr()
    assert written.out.startswith(b"\xef\xbb\xbfacademic_year,")
    assert "Nguyễn".encode() in written.out
    assert "Nguyễn".encode() not in written.err
    assert main([*export, "--out", str(tmp_path / "scores.csv")]) == 0
    assert (tmp_path / "scores.csv").read_bytes() == written.out
