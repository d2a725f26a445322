"""`institution`, `layout` and `delivery` speak as the contract says."""

import json
from pathlib import Path

import pytest

from distribution.cli.app import main
from tests.jobs.test_load_endpoints import GOOD


@pytest.fixture(autouse=True)
def home(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DISTRIBUTION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", url)
    return tmp_path


def document(capsys: pytest.CaptureFixture[str], *argv: str) -> dict:
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_endpoints_go_in_and_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "e.yaml").write_text(GOOD)
    assert document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))["changed"] == 1
    assert main(["institution", "export"]) == 0
    (home / "again.yaml").write_text(capsys.readouterr().out)
    assert document(capsys, "institution", "load-endpoints", str(home / "again.yaml"))["changed"] == 0
    shown = document(capsys, "institution", "show", "4471")
    assert (shown["endpoint"]["layout"], shown["endpoint_state"]) == ("csv-1", "in force")
    assert [each["changed"] for each in document(capsys, "institution", "history", "4471")["versions"]] == [
        ["new"]
    ]


def test_an_unknown_key_is_a_usage_error(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "e.yaml").write_text(GOOD.replace("username", "user"))
    assert main(["institution", "load-endpoints", str(home / "e.yaml")]) == 2
    assert "unknown key `user`" in capsys.readouterr().err


def test_a_sample_has_no_fault_and_a_damaged_one_has(home: Path, capfdbinary: pytest.CaptureFixture) -> None:
    assert main(["layout", "sample", "fixed-1"]) == 0
    sample = capfdbinary.readouterr().out
    (home / "sample.txt").write_bytes(sample)
    (home / "damaged.txt").write_bytes(sample.replace(b"2005-02-28", b"2005-02-30"))
    assert main(["layout", "check", str(home / "sample.txt")]) == 0
    assert main(["layout", "check", str(home / "damaged.txt")]) == 1
    assert b"line 2, column" in capfdbinary.readouterr().out


def test_the_specification_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(document(capsys, "layout", "spec", "fixed-1")["records"]) == ["H", "D", "T"]


def test_an_empty_list_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    listed = document(capsys, "delivery", "list", "--state", "failed")
    assert listed == {"schema_version": 1, "deliveries": []}


def test_a_resend_asks_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "resend", "CLEP_4471_20261123_000001.txt", "--reason", "lost"]) == 2
    assert "--yes" in capsys.readouterr().err
