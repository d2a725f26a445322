"""`institution`, `layout` and `delivery` speak as the contract says."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from distribution.cli.app import main
from distribution.jobs import redeliver
from distribution.jobs.wiring import Line
from tests.jobs.test_load_endpoints import GOOD, TRIED
from tests.support import pgp


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


def test_a_load_says_who_stays_paused_and_whom_it_resumed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = "".join(row for row in GOOD.splitlines(True) if "paused_until" not in row)
    (home / "e.yaml").write_text(silent)
    document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))
    document(capsys, "institution", "pause", "4471")
    assert main(["institution", "load-endpoints", str(home / "e.yaml")]) == 0
    assert "4471 stays paused: `institution resume 4471`" in capsys.readouterr().out
    (home / "e.yaml").write_text(silent + "  paused_until: null\n")
    assert main(["institution", "load-endpoints", str(home / "e.yaml")]) == 0
    assert "4471 is no longer paused" in capsys.readouterr().out


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
    assert main(["layout", "check", str(home / "damaged.txt")]) == 2
    assert b"line 2, column" in capfdbinary.readouterr().out


def test_the_specification_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(document(capsys, "layout", "spec", "fixed-1")["records"]) == ["H", "D", "T"]


def test_an_empty_list_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    listed = document(capsys, "delivery", "list", "--state", "failed")
    assert listed == {"schema_version": 1, "deliveries": []}


def test_a_resend_asks_first_and_says_what_the_policy_says(
    line: Line, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redeliver, "outside_policy", lambda *_, **__: "it was sent on 2026-11-23")
    assert main(["delivery", "resend", "CLEP_4471_20261123_000001.txt", "--reason", "lost"]) == 2
    said = capsys.readouterr().err
    assert "--yes" in said
    assert "The policy says no: it was sent on 2026-11-23" in said


def test_sending_is_paused_and_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    paused = document(capsys, "sending", "pause", "--reason", "wrong scores", "--until", "2099-01-01")
    assert (paused["paused"], paused["until"]) == (True, "2099-01-01T00:00:00-05:00")
    assert document(capsys, "sending", "resume")["was_paused"] is True
    assert document(capsys, "sending", "resume")["was_paused"] is False
    assert main(["sending", "pause", "--reason", "x", "--until", "2001-01-01"]) == 2


@pytest.mark.parametrize("verb", ["test", "send-test", "trust-key", "confirm", "pause", "resume"])
def test_what_concerns_an_institution_without_an_endpoint_says_how_to_load_one(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["institution", verb, "4471"]) == 2
    assert "institution" in capsys.readouterr().err


def test_a_pause_is_a_version_of_the_endpoint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "e.yaml").write_text(GOOD)
    document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))
    assert document(capsys, "institution", "pause", "4471")["paused_until"] == "9999-12-31"
    assert document(capsys, "institution", "resume", "4471")["paused_until"] is None
    versions = document(capsys, "institution", "history", "4471")["versions"]
    assert [each["changed"] for each in versions] == [["paused_until"], ["paused_until"], ["new"]]


@pytest.mark.parametrize("form", ["markdown", "html", "csv"])
def test_a_specification_comes_in_each_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layout", "spec", "wide", "--format", form]) == 0
    assert "replaces_revision" in capsys.readouterr().out


def test_two_layouts_can_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "layout", "diff", "fixed-1", "flat-pgp")
    assert found["layouts"] == ["fixed-1", "flat-pgp"]
    assert found["differences"]


def no_name(code: int) -> Callable[..., None]:
    """A resolver that fails so."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "no address")

    return fail


def test_a_connection_test_that_may_pass_another_time_exits_75(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "e.yaml").write_text(GOOD)
    document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))
    monkeypatch.setattr(socket, "getaddrinfo", no_name(socket.EAI_AGAIN))
    assert main(["institution", "test", "4471"]) == 75
    assert main(["institution", "test", "4471", "--proposed"]) == 2  # no change waits


def test_an_institution_shows_its_last_connection_test(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "e.yaml").write_text(GOOD.replace("sftp.example.edu", "no-such-host.invalid"))
    document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))
    assert document(capsys, "institution", "show", "4471")["last_test"] is None
    assert main(["institution", "show", "4471"]) == 0
    assert "never. institution test 4471" in capsys.readouterr().out
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "okafor")
    monkeypatch.setattr(socket, "getaddrinfo", no_name(socket.EAI_NONAME))
    assert main(["institution", "test", "4471"]) == 2
    assert "4471: FAILED" in capsys.readouterr().out
    shown = document(capsys, "institution", "show", "4471")["last_test"]
    assert (shown["tested_by"], shown["passed"]) == ("okafor", False)
    assert shown["failed_step"] == "Name no-such-host.invalid resolves"
    assert [step["state"] for step in shown["steps"]][:3] == ["failed", "not tried", "not tried"]
    assert main(["institution", "show", "4471"]) == 0
    said = capsys.readouterr().out
    assert "by okafor, 0." in said
    assert "FAILED at: Name no-such-host.invalid resolves" in said
    assert "No address is known for no-such-host.invalid" in said


def test_an_institution_shows_how_it_gets_scores_and_no_key_material(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "partner.asc").write_text(pgp.modern(days=400).public)
    (home / "e.yaml").write_text(
        GOOD.replace("look: stat", TRIED).replace("pgp_key: null", "pgp_key: partner.asc")
    )
    document(capsys, "institution", "load-endpoints", str(home / "e.yaml"))
    shown = document(capsys, "institution", "show", "4471")
    assert {key: shown["parallel"][key] for key in ("layout", "folder", "until", "delivered", "unsent")} == {
        "layout": "wide",
        "folder": "/test",
        "until": "2027-01-31",
        "delivered": 0,
        "unsent": 0,
    }
    assert shown["files"] == []
    assert main(["institution", "show", "4471"]) == 0
    said = capsys.readouterr().out
    assert "PAUSED        until 2026-12-01; its scores queue" in said
    assert "second layout wide to /test, until 2027-01-31; arrived: 0, not arrived: 0" in said
    assert "usable until" in said
    assert "PGP PUBLIC KEY" not in said


def test_a_test_file_is_checked_with_the_control_file_beside_it(
    home: Path, capfdbinary: pytest.CaptureFixture
) -> None:
    for name, more in (
        ("TEST_4471_20261123_000231.txt", []),
        ("TEST_CTL_4471_20261123_000231.json", ["--control"]),
    ):
        assert main(["layout", "sample", "wide", *more]) == 0
        (home / name).write_bytes(capfdbinary.readouterr().out)
    assert main(["layout", "check", str(home / "TEST_4471_20261123_000231.txt")]) == 0


def samples(home: Path, capfdbinary: pytest.CaptureFixture, layout: str, *, data: str, control: str) -> None:
    for name, more in ((data, []), (control, ["--control"])):
        assert main(["layout", "sample", layout, *more]) == 0
        (home / name).write_bytes(capfdbinary.readouterr().out)


@pytest.mark.parametrize(
    "name",
    ["C4471000231.dat", "SD_4471_20261123_0231.txt", "4471-20261123.231", "CLEP_4471_20261123_000231.csv"],
)
def test_the_control_file_of_a_file_with_an_agreed_name_is_found(
    home: Path, capfdbinary: pytest.CaptureFixture, name: str
) -> None:
    control = "CTL_4471_20261123_000231.json"
    samples(home, capfdbinary, "csv-1", data=name, control=control)
    (home / "CTL_4471_20261123_000232.json").write_text("{}")
    assert main(["layout", "check", str(home / name), "--json"]) == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert (found["control"], found["control_checked"]) == (control, True)


def test_a_file_without_its_control_is_not_called_whole(
    home: Path, capfdbinary: pytest.CaptureFixture
) -> None:
    samples(home, capfdbinary, "csv-1", data="scores.csv", control="elsewhere.json")
    whole = (home / "scores.csv").read_bytes()
    (home / "scores.csv").write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    assert main(["layout", "check", str(home / "scores.csv")]) == 0
    assert b"control not checked" in capfdbinary.readouterr().out
    stated = ["--control", str(home / "elsewhere.json")]
    assert main(["layout", "check", str(home / "scores.csv"), *stated]) == 2
    assert b"another number than the records" in capfdbinary.readouterr().out
