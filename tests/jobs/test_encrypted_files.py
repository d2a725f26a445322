"""Files for institutions with a PGP key leave encrypted, as the same bytes each time, or not at all."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distribution.jobs import file_outbox, redeliver, send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files
from tests.support import pgp, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.pgp import Partner
from tests.support.sftp_servers import Host

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
NAME = "CLEP_4471_20261123_000001.txt.pgp"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


@pytest.fixture
def today(line: Line) -> Line:
    """A line on the real day: the ends of keys are counted from it."""
    return replace(line, now=lambda: datetime.now(UTC))


def night(line: Line) -> send_files.SendOutcome:
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    return send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)


def of(line: Line, name: str) -> files.ScoreFile:
    with line.connect() as conn:
        found = files.named(conn, name)
    assert found is not None
    return found


def counted(line: Line) -> dict[str, int]:
    with line.connect() as conn:
        return states(conn)


@pytest.mark.parametrize("key", [pgp.rsa, pgp.modern, pgp.newest])
def test_only_the_institution_can_read_what_arrived(
    line: Line, host: Host, key: Callable[[], Partner]
) -> None:
    partner = key()
    join(line, host, endpoint(host, "4471", pgp_key=partner.public))
    owe(line, "4471", "R-1")
    night(line)
    assert arrived(host, "4471") == [NAME]
    there = (host.folder("4471") / NAME).read_bytes()
    assert b"R-1" not in there
    opened = partner.open(there)
    assert opened.decode().split("\r\n")[1].startswith("DNR-1 ")
    known = of(line, NAME)
    assert known.sha256 == hashlib.sha256(there).hexdigest()
    assert known.plain_sha256 == hashlib.sha256(opened).hexdigest()


def test_the_control_file_says_the_hash_of_both_forms(line: Line, host: Host) -> None:
    partner = pgp.modern()
    join(line, host, endpoint(host, "4471", layout="csv-1", pgp_key=partner.public))
    owe(line, "4471", "R-1")
    night(line)
    control, data = arrived(host, "4471")[1], arrived(host, "4471")[0]
    assert data == "CLEP_4471_20261123_000001.csv.pgp"
    there = (host.folder("4471") / data).read_bytes()
    said = json.loads((host.folder("4471") / control).read_bytes())
    assert said["encrypted_sha256"] == hashlib.sha256(there).hexdigest()
    assert said["sha256"] == hashlib.sha256(partner.open(there)).hexdigest()


def test_a_file_like_the_boards_own_bears_its_number_as_extension(line: Line, host: Host) -> None:
    partner = pgp.rsa()
    join(line, host, endpoint(host, "4471", layout="flat-pgp", pgp_key=partner.public))
    owe(line, "4471", "R-1")
    night(line)
    assert arrived(host, "4471") == ["CLEP_4471_20261123_000001.001.pgp"]
    opened = partner.open((host.folder("4471") / arrived(host, "4471")[0]).read_bytes())
    assert {len(record) for record in opened.decode().split("\r\n")[:-1]} == {600}


def test_our_signature_can_be_checked_where_we_sign(line: Line, host: Host) -> None:
    partner, ours = pgp.modern(), pgp.modern()
    line.settings.secrets.joinpath("board.key").write_text(str(ours.secret))
    signing = replace(line, settings=line.settings.model_copy(update={"pgp_signing_key": "board"}))
    join(line, host, endpoint(host, "4471", pgp_key=partner.public))
    owe(line, "4471", "R-1")
    night(signing)
    assert partner.open((host.folder("4471") / NAME).read_bytes(), ours).startswith(b"Hfixed-1")


def test_a_repeat_is_the_same_bytes(line: Line, host: Host) -> None:
    partner = pgp.modern()
    gone = endpoint(host, "4471", pgp_key=partner.public)
    join(line, host, replace(gone, port=sftp_servers.free_port()))
    owe(line, "4471", "R-1")
    assert night(line).failed == 1
    kept = (line.settings.electronic_outbox / "4471" / NAME).read_bytes()
    join(line, host, gone)
    assert night(line).delivered == 1
    assert (host.folder("4471") / NAME).read_bytes() == kept


def test_encrypted_bytes_that_are_lost_before_they_left_are_written_anew(line: Line, host: Host) -> None:
    partner = pgp.modern()
    join(line, host, endpoint(host, "4471", pgp_key=partner.public))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    before = of(line, NAME).sha256
    (line.settings.electronic_outbox / "4471" / NAME).unlink()
    assert night(line).delivered == 1
    there = (host.folder("4471") / NAME).read_bytes()
    assert before != of(line, NAME).sha256 == hashlib.sha256(there).hexdigest()


# what keeps a file back -----------------------------------------------------------------------------------
def test_to_a_key_that_has_ended_nothing_is_sent_and_the_scores_wait(
    today: Line, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    partner = pgp.modern(days=10)
    late = replace(today, now=lambda: datetime.now(UTC) + timedelta(days=11))
    join(today, host, endpoint(host, "4471", pgp_key=partner.public))
    owe(today, "4471", "R-1", last_name="ZZTESTSecret")
    night(late)
    assert arrived(host, "4471") == []
    assert counted(today) == {"failed": 1}
    failed = of(today, NAME)
    assert failed.failure == "pgp-key"
    assert "it ended on" in failed.failure_detail
    assert "institution load-endpoints" in failed.failure_detail
    assert "ZZTEST" not in failed.failure_detail + caplog.text
    assert not list((today.settings.electronic_outbox / "4471").glob("*"))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (pgp.sign_only, "it can sign but not encrypt"),
        (pgp.revoked, "its owner revoked it"),
        (lambda: "-----BEGIN PGP nothing", "cannot be read"),
    ],
)
@pytest.mark.parametrize("layout", ["fixed-1", "flat-pgp", "csv-1"])
def test_to_a_wrong_key_nothing_is_sent_and_the_message_says_what_to_do(
    line: Line, host: Host, caplog: pytest.LogCaptureFixture, key: Callable[[], str], why: str, layout: str
) -> None:
    caplog.set_level(logging.INFO)
    join(line, host, endpoint(host, "4471", pgp_key=key(), layout=layout), endpoint(host, "4472"))
    student = {"last_name": "ZZTESTSecret", "first_name": "Zoraida", "middle_name": "Quill"}
    owe(line, "4471", "R-1", "R-2", **student)
    owe(line, "4472", "R-3")
    for _ in range(2):  # it waits for a change
        night(line)
    assert arrived(host, "4471") == []
    assert len(arrived(host, "4472")) == 1
    assert counted(line) == {"failed": 2, "delivered": 1}
    with line.connect() as conn:
        (failed,) = files.open_files(conn, dis=["4471"])
    assert (failed.failure, failed.may_have_left, failed.delivered_at) == ("pgp-key", False, None)
    for words in (why, "Nothing was sent", "4471"):
        assert words in failed.failure_detail
    assert re.search("`institution load-endpoints`|Load the endpoint anew", failed.failure_detail)
    assert "4471" in caplog.text
    for private in (*student.values(), "C-R-", "R-1", "R-2"):
        assert private not in failed.failure_detail + caplog.text
    assert not list((line.settings.electronic_outbox / "4471").glob("*"))


def test_a_new_key_lets_the_same_number_go(today: Line, host: Host) -> None:
    old, new = pgp.modern(days=10), pgp.modern()
    late = replace(today, now=lambda: datetime.now(UTC) + timedelta(days=11))
    join(today, host, endpoint(host, "4471", pgp_key=old.public))
    owe(today, "4471", "R-1")
    night(late)
    night(late)
    assert arrived(host, "4471") == []
    join(today, host, endpoint(host, "4471", pgp_key=new.public))
    assert night(late).delivered == 1
    assert b"R-1" in new.open((host.folder("4471") / NAME).read_bytes())
    assert counted(today) == {"delivered": 1}


def test_a_key_that_ends_between_writing_and_sending_keeps_the_file_back(today: Line, host: Host) -> None:
    partner = pgp.modern(days=10)
    join(today, host, endpoint(host, "4471", pgp_key=partner.public))
    owe(today, "4471", "R-1")
    send_files.build_files(today, run_id=None, on=NIGHT)
    night(replace(today, now=lambda: datetime.now(UTC) + timedelta(days=11)))
    assert arrived(host, "4471") == []
    assert of(today, NAME).failure == "pgp-key"


def test_a_file_that_waits_is_encrypted_once_the_institution_brings_a_key(line: Line, host: Host) -> None:
    partner = pgp.modern()
    plain = endpoint(host, "4471")
    join(line, host, replace(plain, port=sftp_servers.free_port()))
    owe(line, "4471", "R-1")
    night(line)
    join(line, host, replace(plain, pgp_key=partner.public))
    night(line)
    assert arrived(host, "4471") == [NAME]
    assert b"R-1" in partner.open((host.folder("4471") / NAME).read_bytes())


def test_a_key_that_cannot_be_read_fails_and_stops_no_other(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", pgp_key="-----BEGIN PGP nothing"), endpoint(host, "4472"))
    owe(line, "4471", "R-1")
    owe(line, "4472", "R-2")
    night(line)
    assert (arrived(host, "4471"), len(arrived(host, "4472"))) == ([], 1)
    assert of(line, NAME).failure == "pgp-key"


def test_a_missing_signing_key_of_ours_keeps_the_file_back(line: Line, host: Host) -> None:
    signing = replace(line, settings=line.settings.model_copy(update={"pgp_signing_key": "board"}))
    join(line, host, endpoint(host, "4471", pgp_key=pgp.modern().public))
    owe(line, "4471", "R-1")
    night(signing)
    assert of(line, NAME).failure == "credential"
    line.settings.secrets.joinpath("board.key").write_text(str(pgp.modern().secret))
    night(signing)
    assert of(line, NAME).state == "delivered"


def test_a_file_sent_again_is_for_the_key_in_force(line: Line, host: Host) -> None:
    old, new = pgp.modern(), pgp.modern()
    join(line, host, endpoint(host, "4471", pgp_key=old.public))
    owe(line, "4471", "R-1")
    night(line)
    join(line, host, endpoint(host, "4471", pgp_key=new.public))
    again = redeliver.redeliver(line, what="file", name=NAME, reason="lost", on=NIGHT)
    assert again["name"] == "CLEP_4471_20261123_000002.txt.pgp"
    opened = new.open((host.folder("4471") / again["name"]).read_bytes()).decode()
    first = old.open((host.folder("4471") / NAME).read_bytes()).decode()
    assert opened.split("\r\n")[1:-2] == first.split("\r\n")[1:-2]
    assert NAME in opened.split("\r\n")[0]


def test_the_names_of_encrypted_files_outlive_a_power_cut_too(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")) or sync(handle)
    )
    file_outbox.keep(line, di="4471", contents={"a.pgp": b"x"}, encrypted=True)
    folder = str(line.settings.electronic_outbox / "4471")
    assert synced[-1] == folder
    assert synced[0].startswith(folder + "/")
