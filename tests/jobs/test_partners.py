"""Institutions are tested step by step, trusted by two people, paused without loss, put on paper in need."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from distribution.channels.electronic import host_keys
from distribution.cli.app import main
from distribution.errors import UsageError
from distribution.jobs import (
    build_files,
    partners,
    redeliver,
    send_files,
    send_test,
    settle_holds,
    show_institution,
)
from distribution.jobs.reconcile_deliveries import reconcile
from distribution.jobs.route_scores import route_scores
from distribution.jobs.settle_holds import Fate
from distribution.jobs.wiring import Line
from distribution.ledger import accounts, delivery_list, endpoints, files
from distribution.model import Endpoint, HoldState
from tests.support import delivery_settings, pgp, records, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.sftp_servers import Host

logging.getLogger("asyncssh").setLevel(logging.ERROR)
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
TOMORROW = NIGHT + timedelta(days=1)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


def night(line: Line, *, on: date = NIGHT) -> send_files.SendOutcome:
    built = send_files.build_files(line, run_id=None, on=on)
    return send_files.send_files(line, run_id=None, on=on, dis=built.dis)


def steps_of(line: Line, at: Endpoint) -> dict[str, tuple[str, str]]:
    """State and sentence of each step."""
    found = partners.try_connection(line, at.code, wait_seconds=0.2)
    return {step["step"]: (step["state"], step["says"]) for step in found["steps"]}


def first_fault(line: Line, at: Endpoint) -> tuple[str, str]:
    """The step that failed and what it says; what comes after it on the line must not have been tried."""
    found = steps_of(line, at)
    names = list(found)
    failed = next(name for name in names if found[name][0] == "failed")
    later = [found[name][0] for name in names[names.index(failed) + 1 : -1]]
    assert set(later) <= {"not tried"}
    return failed, found[failed][1]


# the connection test --------------------------------------------------------------------------------------
def test_a_sound_host_passes_every_step_and_keeps_nothing(line: Line, host: Host) -> None:
    at = endpoint(host, "4471", pgp_key=pgp.modern(days=400).public)
    join(line, host, at)
    found = partners.try_connection(line, "4471", wait_seconds=0.1)
    assert found["passed"], found
    assert [step["step"].split(" ")[0] for step in found["steps"]] == [
        *("Name", "Port", "Host", "Sign", "Folder", "Write", "No", "Rename", "Delete", "PGP")
    ]
    assert all(step["seconds"] is not None for step in found["steps"])
    assert arrived(host, "4471") == []
    with line.connect() as conn:
        assert endpoints.last_test(conn, "4471")["passed"] is True


def test_each_fault_is_told_at_its_step(line: Line, host: Host) -> None:
    good = endpoint(host, "4471")
    other = sftp_servers.public_line(sftp_servers.new_key())
    cases = {
        "Name": (replace(good, host="no-such-host.invalid"), "No address is known"),
        "Port": (replace(good, port=sftp_servers.free_port()), "Nothing answers"),
        "Host": (replace(good, host_key=other), "institution trust-key 4471"),
        "Sign": (replace(good, username="nobody-here"), "refused the key"),
        "Folder": (replace(good, directory=good.directory + "/gone"), "is not there"),
    }
    for step, (at, says) in cases.items():
        join(line, host, at)
        failed, said = first_fault(line, at)
        assert failed.startswith(step), (failed, said)
        assert says in said


def test_a_name_that_cannot_even_be_looked_up_is_told_at_its_step(line: Line, host: Host) -> None:
    at = replace(endpoint(host, "4471"), host="sftp..example.edu")  # on file before such names were refused
    join(line, host, at)
    failed, said = first_fault(line, at)
    assert failed.startswith("Name")
    assert "No address is known" in said


def test_a_line_that_breaks_while_the_probe_is_deleted_fails_nothing(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "faulty", fault=sftp_servers.DropsAtRemove) as drops:
        at = endpoint(drops, "4471")
        join(line, drops, at)
        state, said = steps_of(line, at)["Delete it"]
    assert state == "passed"
    assert "the probe may still stand there" in said


def test_a_robot_that_takes_unfinished_files_is_found(line: Line, tmp_path: Path) -> None:
    class TakesEverything(sftp_servers.Sound):
        """Takes a file as soon as it is closed, whatever its name."""

        async def close(self, file_obj: object) -> None:
            super().close(file_obj)  # type: ignore[arg-type]
            for path in (self.chroot_folder / "4471").iterdir():
                path.unlink()

    with sftp_servers.faulty(tmp_path / "robot", TakesEverything) as robot:
        robot.folder("4471")
        at = endpoint(robot, "4471", directory="/4471")
        join(line, robot, at)
        failed, said = first_fault(line, at)
    assert failed == "No robot takes it before it is whole"
    assert "temp-folder" in said


def test_a_key_that_has_ended_fails_its_step_alone(line: Line, host: Host) -> None:
    partner = pgp.modern(days=10)
    join(line, host, endpoint(host, "4471", pgp_key=partner.public))
    late = replace(line, now=lambda: line.now() + timedelta(days=400))
    found = steps_of(late, endpoint(host, "4471"))
    assert [name for name, (state, _) in found.items() if state == "failed"] == ["PGP key usable"]


@pytest.mark.parametrize(
    ("days", "says"),
    [(62, None), (60, "The PGP key of 4471 ends in"), (-1, "The PGP key of 4471 has ended")],
)
def test_a_pgp_key_that_ends_needs_a_person_from_60_days_before(
    line: Line, host: Host, days: int, says: str | None
) -> None:
    join(line, host, endpoint(host, "4471", pgp_key=pgp.modern(days=400).public))
    then = datetime.now(UTC) + timedelta(days=400 - days)
    told = reconcile(replace(line, now=lambda: then), on=then.date())["needs_a_person"]
    found = [need["what"] for need in told if "PGP" in need["what"]]
    assert [what.startswith(says or "-") for what in found] == ([True] if says else [])


@pytest.fixture
def moved(line: Line, host: Host) -> Endpoint:
    """An institution whose change to another host and key waits for a second person."""
    at = endpoint(host, "4471")
    join(line, host, at)
    stranger = sftp_servers.public_line(sftp_servers.new_key())
    proposal = replace(at, host="localhost", host_key=stranger)
    with line.connect() as conn:
        endpoints.load(conn, [proposal], loaded_by="okafor", four_eyes=True)
    return proposal


def test_what_is_tested_is_the_endpoint_in_force(line: Line, moved: Endpoint) -> None:
    found = partners.try_connection(line, "4471", wait_seconds=0.1)
    assert (found["tested"], found["waits"], found["passed"]) == ("in force", True, True)
    assert found["steps"][0]["step"] == "Name 127.0.0.1 resolves"


def test_a_proposed_host_is_looked_at_and_nobody_signs_in(
    line: Line, moved: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partners.host_accounts, "sign_in", lambda *_: pytest.fail("a credential left"))
    found = partners.look_at_proposed(line, "4471")
    assert (found["tested"], found["passed"], found["is_temporary"]) == ("proposed", False, False)
    assert [step["step"] for step in found["steps"]][:3] == [
        "Name localhost resolves",
        f"Port {moved.port} answers",
        "Host key matches",
    ]
    with line.connect() as conn:
        assert endpoints.last_test(conn, "4471") is None


def test_nothing_is_looked_at_where_no_change_waits(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    with pytest.raises(UsageError, match="No change"):
        partners.look_at_proposed(line, "4471")


def test_a_fault_that_may_pass_is_told_from_one_that_stays(line: Line, host: Host) -> None:
    good = endpoint(host, "4471")
    join(line, host, replace(good, port=sftp_servers.free_port()))
    assert partners.try_connection(line, "4471", wait_seconds=0.1)["is_temporary"] is True
    join(line, host, replace(good, username="nobody-here"))
    assert partners.try_connection(line, "4471", wait_seconds=0.1)["is_temporary"] is False


# another host key ---------------------------------------------------------------------------------------
def test_a_changed_host_key_is_told_with_both_fingerprints_everywhere(
    line: Line, host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sftp_servers.public_line(sftp_servers.new_key())
    join(line, host, endpoint(host, "4471", host_key=old))
    owe(line, "4471", "R-1")
    night(line)
    on_file, offered = (host_keys.fingerprint(key).split(" ")[0] for key in (old, host.host_key))
    with line.connect() as conn:
        (listed,) = delivery_list.deliveries(conn, state="failed")
    needed = reconcile(line, on=NIGHT)["needs_a_person"]
    for said in (listed["detail"], *(need["effect"] for need in needed if "host-key" in need["what"])):
        assert on_file in said
        assert offered in said
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    assert main(["delivery", "list", "--state", "failed"]) == 0
    assert offered in capsys.readouterr().out
    shown = show_institution.show(line, "4471")
    assert shown["host_key_fingerprint"].startswith(on_file)
    assert shown["host_key_confirmed"]["by"] == "test"
    assert shown["host_key_offered"]["fingerprint"] == offered
    assert main(["institution", "show", "4471"]) == 0
    page = capsys.readouterr().out
    assert "THE HOST SHOWED ANOTHER KEY" in page
    assert page.index(offered) < page.index("institution trust-key 4471")


def test_once_the_offered_key_is_on_file_there_is_no_other(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", host_key=sftp_servers.public_line(sftp_servers.new_key())))
    partners.try_connection(line, "4471", wait_seconds=0.1)
    assert show_institution.show(line, "4471")["host_key_offered"] is not None
    partners.trust_key(line, partners.offered_key(line, "4471"))
    shown = show_institution.show(line, "4471")
    assert shown["host_key_offered"] is None
    assert [(each["what"], each["keys"]) for each in shown["changes"]] == [
        ("loaded", ["host_key"]),
        ("loaded", ["new"]),
    ]


def test_an_institution_shows_its_contacts_and_who_confirmed_what(line: Line, moved: Endpoint) -> None:
    with line.connect() as conn:
        endpoints.confirm(conn, "4471", actor="haas")
        records.contact(conn, "4471", "technical", email="sis@northfield.example")
    shown = show_institution.show(line, "4471")
    assert [(each["role"], each["email"]) for each in shown["contacts"]] == [
        ("technical", "sis@northfield.example")
    ]
    assert [(each["by"], each["what"], each["keys"]) for each in shown["changes"]][:2] == [
        ("haas", "confirmed", ["host", "host_key"]),
        ("okafor", "loaded", ["host", "host_key"]),
    ]
    assert shown["host_key_confirmed"]["by"] == "haas"


# a host that knows SHA-1 only ---------------------------------------------------------------------------
def test_the_key_of_a_host_that_knows_only_sha1_is_seen_without_signing_in(
    line: Line, tmp_path: Path
) -> None:
    with delivery_settings.sha1_only(tmp_path / "old") as old:
        shown = host_keys.offered("127.0.0.1", old.port, kind="ssh-rsa")
        other_kind = host_keys.offered("127.0.0.1", old.port, kind="ssh-ed25519")
        asked = (tmp_path / "old" / "sshd.log").read_text()
    assert shown == host_keys.Shown(" ".join(old.host_key.split()[:2]), by_old_ways=True)
    assert other_kind == shown
    assert not any(word in asked for word in ("Invalid user", "invalid user", "Accepted", "authenticating"))


def test_a_host_that_knows_only_sha1_passes_by_openssh_and_else_the_way_out_is_named(
    line: Line, tmp_path: Path
) -> None:
    with delivery_settings.sha1_only(tmp_path / "old") as old:
        stranger = sftp_servers.public_line(sftp_servers.new_key())
        join(line, old, endpoint(old, "4471", host_key=stranger))
        failed, said = first_fault(line, endpoint(old, "4471"))
        assert failed == "Host key matches"
        assert "institution trust-key 4471. The host knows SHA-1 only" in said
        partners.trust_key(line, partners.offered_key(line, "4471"))
        found = steps_of(line, endpoint(old, "4471"))
        assert found["Host key matches"][0] == "passed"
        assert all(
            "`transport: openssh`" in found[step][1] for step in found if step.startswith(("Host", "Sign"))
        )
        join(line, old, endpoint(old, "4471", transport="openssh"))
        found = steps_of(line, endpoint(old, "4471"))
    assert {state for state, _ in found.values()} == {"passed"}
    assert "transport" not in found["Host key matches"][1]


# test files -----------------------------------------------------------------------------------------------
def test_a_test_file_has_its_own_folder_and_count(line: Line, host: Host) -> None:
    folder = host.folder("try")
    at = endpoint(host, "4471", test_directory=str(folder))
    join(line, host, at)
    first, second = (send_test.send_test(line, "4471", on=NIGHT) for _ in range(2))
    owe(line, "4471", "R-1")
    night(line)
    assert [first["file"], second["file"]] == [f"TEST_4471_20261123_00000{n}.txt" for n in (1, 2)]
    assert sorted(path.name for path in folder.iterdir()) == [first["file"], second["file"]]
    assert arrived(host, "4471") == ["CLEP_4471_20261123_000001.txt"]
    lines = (folder / first["file"]).read_bytes().decode().split("\r\n")
    assert all(line_[66:72] == "ZZTEST" for line_ in lines[1:-2])


@pytest.mark.parametrize("test_directory", [None, "the live one"])
def test_without_a_test_folder_no_test_file_is_sent(
    line: Line, host: Host, test_directory: str | None
) -> None:
    at = endpoint(host, "4471")
    join(line, host, replace(at, test_directory=at.directory + "/." if test_directory else None))
    with pytest.raises(UsageError):
        send_test.send_test(line, "4471", on=NIGHT)
    assert arrived(host, "4471") == []


# four eyes ------------------------------------------------------------------------------------------------
def test_a_new_host_key_waits_for_a_second_person(
    line: Line, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful = replace(line, settings=line.settings.model_copy(update={"four_eyes": True}))
    wrong = sftp_servers.public_line(sftp_servers.new_key())
    join(line, host, endpoint(host, "4471", host_key=wrong))
    owe(line, "4471", "R-1")
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "okafor")
    offered = partners.offered_key(careful, "4471")
    assert not offered.is_known
    assert all(each.startswith("SHA256:") for each in offered.fingerprints)
    assert partners.trust_key(careful, offered)["state"] == "unconfirmed"
    night(careful)
    assert arrived(host, "4471") == []
    with pytest.raises(UsageError, match="another person"):
        partners.confirm(careful, "4471")
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "haas")
    partners.pause(careful, "4471", until=None)
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "okafor")
    with pytest.raises(UsageError, match="another person"):
        partners.confirm(careful, "4471")  # a pause in between makes nobody a second person
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "chen")
    assert partners.confirm(careful, "4471")["confirmed_by"] == "chen"
    with pytest.raises(UsageError, match="No change"):
        partners.confirm(careful, "4471")


# pauses ---------------------------------------------------------------------------------------------------
def test_a_pause_keeps_the_scores_and_resuming_sends_them(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    partners.pause(line, "4471", until=None)
    owe(line, "4471", "R-1")
    night(line)
    owe(line, "4471", "R-2")
    night(line, on=TOMORROW)
    assert arrived(host, "4471") == []
    partners.resume(line, "4471")
    assert night(line, on=TOMORROW).delivered == 2


def test_an_empty_day_has_a_file_where_it_is_wanted_once(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", empty_file=True), endpoint(host, "4472"))
    with line.connect() as conn:
        for code in ("4471", "4472"):
            records.institution(conn, code, kind="college", delivery_method="electronic")
    for _ in range(2):
        night(line)
    assert (arrived(host, "4471"), arrived(host, "4472")) == (["CLEP_4471_20261123_000001.txt"], [])
    text = (host.folder("4471") / "CLEP_4471_20261123_000001.txt").read_text()
    assert [record[0] for record in text.splitlines()] == ["H", "T"]
    assert text[62:68] == "NEW   "
    night(line, on=TOMORROW)
    assert len(arrived(host, "4471")) == 2


# paper for a time -----------------------------------------------------------------------------------------
@pytest.fixture
def stranded(line: Line, host: Host) -> Endpoint:
    """An institution whose host is down, with one file that failed and one score that waits."""
    at = endpoint(host, "4471", fallback_days=3)
    join(line, host, replace(at, port=sftp_servers.free_port()))
    with line.connect() as conn:
        address = {"address_1": "1 Main St", "city": "Anytown", "state": "NY", "postal_code": "00501"}
        records.institution(conn, "4471", kind="college", delivery_method="electronic", **address)
        version = records.result(conn, "R-1", recipient_1="4471")
        records.owe(conn, version, "4471", channel="electronic", reasons=["recipient"])
    night(line)
    return at


def test_paper_comes_after_the_agreed_days_on_one_command(line: Line, stranded: Endpoint) -> None:
    with pytest.raises(UsageError, match="agreed are 3"):
        partners.to_paper(line, "4471", reason="host is down", on=TOMORROW)
    found = partners.to_paper(line, "4471", reason="host is down", on=date(2026, 11, 30))
    assert (found["to_paper"], found["given_up"]) == (1, ["CLEP_4471_20261123_000001.txt"])
    with line.connect() as conn:
        assert states(conn) == {"pending": 1}
        assert conn.execute("SELECT channel FROM ledger.delivery").fetchone() == ("paper",)


def test_routing_keeps_to_paper_and_balances_hold(line: Line, stranded: Endpoint) -> None:
    partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    with line.connect() as conn:
        records.run(conn)
    route_scores(line, run_id="N20261123-01", on=TOMORROW)
    with line.connect() as conn:
        assert conn.execute("SELECT channel, state FROM ledger.delivery").fetchall() == [("paper", "pending")]
    document = reconcile(line, on=TOMORROW)
    assert not [fault for fault in document["faults"] if not fault.startswith("Received")]
    assert any("gets paper for a time" in need["what"] for need in document["needs_a_person"])


def test_a_number_that_was_given_up_is_sent_later_as_void(line: Line, host: Host, stranded: Endpoint) -> None:
    partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    join(line, host, stranded)
    owe(line, "4471", "R-2")
    assert partners.resume(line, "4471")["void"] == ["CLEP_4471_20261123_000001.txt"]
    night(line, on=TOMORROW)
    assert arrived(host, "4471") == ["CLEP_4471_20261123_000001.txt", "CLEP_4471_20261124_000002.txt"]
    text = (host.folder("4471") / "CLEP_4471_20261123_000001.txt").read_text()
    assert [record[0] for record in text.splitlines()] == ["H", "T"]
    assert (text[62:68], text[68:128].strip()) == ("VOID  ", "")


def test_a_file_that_may_stand_at_the_host_is_not_given_up(line: Line, stranded: Endpoint) -> None:
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET closing_attempt = 1, may_have_left = true")
    found = partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    assert (found["to_paper"], found["given_up"]) == (0, [])
    assert found["in_doubt"] == ["CLEP_4471_20261123_000001.txt"]


@pytest.fixture
def on_paper(line: Line, host: Host) -> Endpoint:
    """An institution that got one file, then paper: its second number was given up."""
    at = endpoint(host, "4471", empty_file=True)
    join(line, host, at)
    with line.connect() as conn:
        records.institution(conn, "4471", kind="college", delivery_method="electronic")
    owe(line, "4471", "R-1")
    night(line)
    join(line, host, replace(at, port=sftp_servers.free_port()))
    owe(line, "4471", "R-2")
    night(line)
    partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    join(line, host, at)
    return at


@pytest.mark.parametrize("kind", ["RESEND", "FULL"])
def test_what_is_asked_for_while_on_paper_follows_the_numbers_that_were_given_up(
    line: Line, host: Host, on_paper: Endpoint, kind: str
) -> None:
    first = "CLEP_4471_20261123_000001.txt"
    if kind == "RESEND":
        found = redeliver.redeliver(line, what="file", name=first, reason="lost", on=NIGHT)
    else:
        found = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert (found["state"], found["unsent"]) == ("built", [])
    assert found["waits_for"] == "4471 gets paper for a time, until `institution resume 4471`"
    assert arrived(host, "4471") == [first]
    assert send_files.build_files(line, run_id=None, on=TOMORROW).waiting == 1
    night(line, on=TOMORROW)
    assert arrived(host, "4471") == [first]
    with line.connect() as conn:
        assert (accounts.unsent_files(conn), accounts.waiting_for_their_day(conn)) == (0, 1)
    partners.resume(line, "4471")
    night(line, on=TOMORROW)
    with line.connect() as conn:
        order = conn.execute("SELECT subject FROM ledger.receipt ORDER BY receipt_id").fetchall()
        kinds = conn.execute("SELECT kind, state FROM ledger.score_file ORDER BY sequence").fetchall()
    assert [name for (name,) in order] == [first, "CLEP_4471_20261123_000002.txt", found["name"]]
    assert kinds == [("NEW", "delivered"), ("VOID", "delivered"), (kind, "delivered")]


def test_a_file_that_was_begun_before_the_paper_is_still_settled(
    line: Line, host: Host, stranded: Endpoint
) -> None:
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET closing_attempt = 1, may_have_left = true")
        conn.execute("UPDATE ledger.delivery SET left_at = now()")
    partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    join(line, host, stranded)
    (host.folder("4471") / "CLEP_4471_20261123_000001.txt.1.part").write_text("cut off")
    assert send_files.retry(line, on=TOMORROW).files == ("CLEP_4471_20261123_000001.txt",)


def test_a_second_word_on_doubt_gives_up_nothing_that_was_asked_for_meanwhile(
    line: Line, on_paper: Endpoint
) -> None:
    first = "CLEP_4471_20261123_000001.txt"
    again = redeliver.redeliver(line, what="file", name=first, reason="lost", on=NIGHT)
    found = partners.to_paper(line, "4471", reason="still down", on=NIGHT, hold_in_doubt=True)
    assert (found["to_paper"], found["given_up"], found["in_doubt"]) == (0, [], [])
    with line.connect() as conn:
        waiting = files.named(conn, again["name"])
        assert waiting is not None
        assert waiting.state == "built"


@pytest.mark.parametrize(
    ("fate", "states_after"), [(Fate.ARRIVED, {"delivered": 1}), (Fate.AGAIN, {"pending": 1})]
)
def test_what_is_in_doubt_at_a_host_that_stays_away_waits_for_a_word(
    line: Line, stranded: Endpoint, fate: Fate, states_after: dict[str, int]
) -> None:
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET closing_attempt = 1, may_have_left = true")
        conn.execute("UPDATE ledger.delivery SET left_at = now()")
    partners.to_paper(line, "4471", reason="host is down", on=NIGHT, at_once=True)
    partners.to_paper(line, "4471", reason="host is gone", on=NIGHT, hold_in_doubt=True)
    (hold,) = settle_holds.list_holds(line, state=HoldState.OPEN)
    assert hold.reason == "ambiguous-delivery"
    settle_holds.settle_ambiguous(line, hold.id, as_=fate, reason="they say so")
    with line.connect() as conn:
        assert states(conn) == states_after
        (channel,) = conn.execute("SELECT channel FROM ledger.delivery").fetchone()
        assert channel == ("paper" if fate is Fate.AGAIN else "electronic")
        assert files.named(conn, "CLEP_4471_20261123_000001.txt").state == (
            "void" if fate is Fate.AGAIN else "delivered"
        )


def test_a_failed_file_of_a_paused_institution_is_not_tried_and_says_so(
    line: Line, stranded: Endpoint
) -> None:
    partners.pause(line, "4471", until=None)
    tried = send_files.retry(line, on=TOMORROW)
    assert (tried.files, tried.unsent) == ((), ())
    assert [(each.file, each.why) for each in tried.kept_back] == [
        ("CLEP_4471_20261123_000001.txt", "4471 is paused, until `institution resume 4471`")
    ]


# schedule -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("on", "is_due"),
    [
        (date(2026, 11, 26), True),  # the Thursday itself, a holiday: by hand it counts
        (date(2026, 11, 27), True),  # the business day after it
        (date(2026, 11, 30), False),
        (date(2026, 12, 3), True),
        (date(2026, 12, 4), False),
    ],
)
def test_a_weekly_day_that_is_a_holiday_is_made_up_for(
    line: Line, host: Host, on: date, is_due: bool
) -> None:
    join(line, host, endpoint(host, "4471", schedule="weekly:THU"))
    with line.connect() as conn:
        assert build_files.reach(conn, on=on).is_due("4471") is is_due


def test_files_bear_the_names_that_were_agreed(line: Line, host: Host) -> None:
    pattern = "SD_{di}_{date}_{seq:04}.{extension}"
    join(line, host, endpoint(host, "4471", file_name=pattern, pgp_key=pgp.modern().public))
    owe(line, "4471", "R-1")
    night(line)
    assert arrived(host, "4471") == ["SD_4471_20261123_0001.txt.pgp"]
    with line.connect() as conn:
        assert files.named(conn, "SD_4471_20261123_0001.txt.pgp") is not None
