"""Electronic files reach real hosts once, whole and in order, whatever the host does."""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from distribution.channels.electronic import session
from distribution.jobs import file_outbox, redeliver, send_files
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries, endpoints, files, locks, transfers
from distribution.model import Channel, Receipt
from tests.support import pgp, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, picked_up, states
from tests.support.sftp_servers import Host

logging.getLogger("asyncssh").setLevel(logging.ERROR)
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    """The sshd with a folder that this test has for itself."""
    return replace(sshd, root=tmp_path / "drops")


def night(line: Line, *, on: date = NIGHT) -> tuple[send_files.BuildOutcome, send_files.SendOutcome]:
    built = send_files.build_files(line, run_id=None, on=on)
    return built, send_files.send_files(line, run_id=None, on=on, dis=built.dis)


def name(code: str, sequence: int, *, on: date = NIGHT, extension: str = "txt") -> str:
    return f"CLEP_{code}_{on:%Y%m%d}_{sequence:06d}.{extension}"


def failure(line: Line, file: str) -> str | None:
    with line.connect() as conn:
        found = files.named(conn, file)
        return found.failure if found else None


def scalar(line: Line, query: str) -> object:
    with line.connect() as conn:
        return conn.execute(query).fetchone()[0]


# the plain night ----------------------------------------------------------------------------
def test_each_institution_gets_one_file_with_its_records(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"), endpoint(host, "5500", layout="csv-1"))
    owe(line, "4471", "R-1", "R-2")
    owe(line, "5500", "R-3")
    built, sent = night(line)
    assert (built.dis, built.built, built.held, built.waiting) == (("4471", "5500"), 3, 0, 0)
    assert (sent.delivered, sent.failed, sent.held, sent.unsent) == (3, 0, 0, ())
    assert arrived(host, "4471") == [name("4471", 1)]
    assert arrived(host, "5500") == [name("5500", 1, extension="csv"), "CTL_5500_20261123_000001.json"]
    with line.connect() as conn:
        assert states(conn) == {"delivered": 3}


def test_what_arrived_is_what_the_outbox_keeps_and_the_receipt_says(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    night(line)
    there = (host.folder("4471") / name("4471", 1)).read_bytes()
    kept = line.settings.electronic_outbox / "4471" / name("4471", 1)
    assert kept.read_bytes() == there
    assert kept.stat().st_mode & 0o777 == 0o600
    with line.connect() as conn:
        receipt = conn.execute("SELECT subject, event, records, size_bytes FROM ledger.receipt").fetchall()
        shown = conn.execute("SELECT result_id, recipient, artefact FROM ledger.disclosure").fetchall()
    assert receipt == [(name("4471", 1), "delivered", 1, len(there))]
    assert shown == [("R-1", "4471", name("4471", 1))]


def test_a_second_run_the_same_night_sends_nothing(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    night(line)
    built, sent = night(line)
    assert (built.built, built.dis) == (0, ())
    assert sent == send_files.SendOutcome()
    assert len(arrived(host, "4471")) == 1


def test_numbers_grow_by_one_without_gaps(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    for night_number, result_id in enumerate(("R-1", "R-2", "R-3"), start=1):
        owe(line, "4471", result_id)
        night(line, on=NIGHT + timedelta(days=night_number))
    with line.connect() as conn:
        rows = conn.execute("SELECT sequence, previous_sequence FROM ledger.score_file ORDER BY 1").fetchall()
    assert rows == [(1, 0), (2, 1), (3, 2)]


def test_a_build_that_breaks_takes_no_number(line: Line, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    with monkeypatch.context() as broken:
        broken.setattr(files, "record", _break)
        with pytest.raises(ZeroDivisionError):
            send_files.build_files(line, run_id=None, on=NIGHT)
    night(line)
    assert arrived(host, "4471") == [name("4471", 1)]


def _break(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_several_institutions_of_one_account_share_a_session(
    line: Line, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(line, host, *(endpoint(host, code) for code in ("4471", "4472", "4473")))
    for code in ("4471", "4472", "4473"):
        owe(line, code, f"R-{code}")
    opened = []
    connect = session.connect
    monkeypatch.setattr(
        session, "connect", lambda account, **given: opened.append(account) or connect(account, **given)
    )
    assert night(line)[1].delivered == 3
    assert len(opened) == 1


# waiting and holding ----------------------------------------------------------------------------
def test_a_paused_institution_waits_and_is_counted(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", paused_until="2026-11-25"))
    owe(line, "4471", "R-1", "R-2")
    built, sent = night(line)
    assert (built.built, built.waiting, sent.delivered) == (0, 2, 0)
    built, sent = night(line, on=date(2026, 11, 25))
    assert (built.built, built.waiting, sent.delivered) == (2, 0, 2)


def test_a_file_that_is_built_waits_for_a_pause_to_end(line: Line, host: Host) -> None:
    at = endpoint(host, "4471")
    join(line, host, at)
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    join(line, host, replace(at, paused_until="2026-12-01"))
    built, sent = night(line)
    assert (built.waiting, built.dis, sent.delivered) == (1, (), 0)


def test_a_weekly_institution_waits_for_its_day(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", schedule="weekly:WED"))
    owe(line, "4471", "R-1")
    assert night(line)[0].waiting == 1
    built, sent = night(line, on=date(2026, 11, 25))  # a Wednesday
    assert (built.waiting, sent.delivered) == (0, 1)


def test_without_an_endpoint_deliveries_are_held(line: Line) -> None:
    owe(line, "4471", "R-1")
    assert send_files.build_files(line, run_id=None, on=NIGHT).held == 1
    assert scalar(line, "SELECT state_reason FROM ledger.delivery") == "no-endpoint"
    assert scalar(line, "SELECT reason FROM ledger.hold WHERE state = 'open'") == "no-endpoint"


def test_a_change_that_nobody_confirmed_holds_deliveries(line: Line, host: Host) -> None:
    at = endpoint(host, "4471")
    join(line, host, at)
    with line.connect() as conn:
        endpoints.load(conn, [replace(at, directory="/elsewhere")], loaded_by="test", four_eyes=True)
    owe(line, "4471", "R-1")
    assert send_files.build_files(line, run_id=None, on=NIGHT).held == 1
    assert scalar(line, "SELECT state_reason FROM ledger.delivery") == "change-unconfirmed"


def test_a_name_that_does_not_fit_is_held_and_the_others_go(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", encoding="ascii"))
    owe(line, "4471", "R-1", last_name="Щ" * 60)  # four letters each when spelled out
    owe(line, "4471", "R-2")
    built, sent = night(line)
    assert (built.held, built.built, sent.delivered) == (1, 1, 1)
    assert scalar(line, "SELECT state_reason FROM ledger.delivery WHERE result_id = 'R-1'") == "name-too-long"


# taken out before a file leaves ------------------------------------
def test_a_withdrawn_delivery_leaves_the_file_before_it_is_sent(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1", "R-2")
    send_files.build_files(line, run_id=None, on=NIGHT)
    _withdraw(line, "R-1")
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    text = (host.folder("4471") / name("4471", 1)).read_text()
    assert sent.delivered == 1
    assert "C-R-2" in text
    assert "C-R-1" not in text
    assert scalar(line, "SELECT details FROM ledger.score_file") == 1


def test_a_number_that_carries_nothing_any_more_is_sent_as_void(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    _withdraw(line, "R-1")
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    lines = (host.folder("4471") / name("4471", 1)).read_text().splitlines()
    assert (sent.delivered, sent.files) == (0, (name("4471", 1),))
    assert [line_[0] for line_ in lines] == ["H", "T"]
    assert "VOID" in lines[0]


def _withdraw(line: Line, result_id: str) -> None:
    with line.connect() as conn:
        frame = deliveries.contents(conn)
        ids = frame.loc[frame["result_id"] == result_id, "delivery_id"].tolist()
        assert deliveries.withdraw(conn, ids, reason="superseded") == 1


def test_a_file_that_may_have_left_keeps_its_bytes(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAtRename) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471"))
        owe(line, "4471", "R-1", "R-2")
        night(line)
        before = scalar(line, "SELECT sha256 FROM ledger.score_file")
        with line.connect() as conn:
            frame = deliveries.contents(conn)
            assert deliveries.withdraw(conn, frame["delivery_id"].tolist(), reason="superseded") == 0
        (line.settings.electronic_outbox / "4471" / name("4471", 1)).unlink()  # written again from the ledger
        assert night(line)[1].delivered == 2
        assert scalar(line, "SELECT sha256 FROM ledger.score_file") == before
        assert (host.root / "4471" / name("4471", 1)).read_text().count("C-R-") == 2


# hosts with a fault ----------------------------------------------------------------------------
def test_a_line_that_breaks_at_the_rename_is_mended_by_the_next_run(line: Line, tmp_path: Path) -> None:
    _breaks_once(line, tmp_path, sftp_servers.DropsAtRename)


def test_a_line_that_breaks_after_the_rename_gives_no_second_file(line: Line, tmp_path: Path) -> None:
    _breaks_once(line, tmp_path, sftp_servers.DropsAfterRename)


def _breaks_once(line: Line, tmp_path: Path, fault: type[sftp_servers.Sound]) -> None:
    with sftp_servers.faulty(tmp_path / "host", fault) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471"))
        owe(line, "4471", "R-1")
        _, sent = night(line)
        assert (sent.delivered, sent.failed, sent.unsent) == (0, 1, (name("4471", 1),))
        assert failure(line, name("4471", 1)) == "connection-lost"
        _, sent = night(line)
        assert (sent.delivered, sent.failed) == (1, 0)
        assert arrived(host, "4471") == [name("4471", 1)]


def test_a_host_that_picks_up_at_once_gets_one_file(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.PicksUpAtOnce) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471", control="both"))
        owe(line, "4471", "R-1")
        assert night(line)[1].delivered == 1
        assert picked_up(host) == [name("4471", 1), "CTL_4471_20261123_000001.json"]


def test_picked_up_before_the_answer_counts_as_delivered_and_is_not_sent_again(
    line: Line, tmp_path: Path
) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.PicksUpAndDrops) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471", control="both"))
        owe(line, "4471", "R-1")
        assert night(line)[1].failed == 1
        assert night(line)[1].delivered == 1
        assert picked_up(host) == [name("4471", 1), "CTL_4471_20261123_000001.json"]


def test_a_full_disk_publishes_nothing_and_waits_for_a_person(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DiskFull) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471"))
        owe(line, "4471", *(f"R-{number}" for number in range(80)))
        _, sent = night(line)
        assert (sent.delivered, sent.failed) == (0, 80)
        assert failure(line, name("4471", 1)) == "space"
        assert name("4471", 1) not in arrived(host, "4471")
        tried = scalar(line, "SELECT attempt FROM ledger.score_file")
        _, sent = night(line)
        assert (sent.failed, sent.unsent) == (0, (name("4471", 1),))
        assert scalar(line, "SELECT attempt FROM ledger.score_file") == tried


def test_a_host_that_keeps_less_than_it_says_never_shows_the_final_name(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.LiesAboutSize) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471"))
        owe(line, "4471", *(f"R-{number}" for number in range(80)))
        assert night(line)[1].failed == 80
        assert failure(line, name("4471", 1)) == "not-written"
        assert name("4471", 1) not in arrived(host, "4471")


def test_a_silent_host_is_cut_off_and_holds_up_nobody(line: Line, host: Host, tmp_path: Path) -> None:
    line = replace(line, settings=line.settings.model_copy(update={"sftp_seconds": 1.5}))
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.NeverAnswers) as silent:
        silent.folder("4471")
        join(line, silent, endpoint(silent, "4471", directory="/4471"))
        (line.settings.secrets / "other.key").write_text(host.key)
        join(line, silent, endpoint(host, "5500", credential="other"))
        owe(line, "4471", "R-1")
        owe(line, "5500", "R-2")
        _, sent = night(line)
        assert (sent.delivered, sent.failed) == (1, 1)
        assert failure(line, name("4471", 1)) == "timed-out"


def test_a_file_whose_fate_nobody_knows_is_held_for_a_person(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.TakesTemporaryNames) as host:
        host.folder("4471")
        join(line, host, endpoint(host, "4471", directory="/4471"))
        owe(line, "4471", "R-1")
        assert night(line)[1].held == 1
        assert scalar(line, "SELECT state_reason FROM ledger.delivery") == "ambiguous-delivery"
        _, sent = night(line)
        assert (sent.delivered, sent.held, sent.unsent) == (0, 0, (name("4471", 1),))
        with line.connect() as conn:
            moved = transfers.settle_ambiguous(
                conn, name("4471", 1), arrived=False, receipt=None, actor="op", note="never came"
            )
            assert moved == 1
            assert states(conn) == {"claimed": 1}


def test_a_strange_file_under_our_name_is_never_overwritten(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    stranger = host.folder("4471") / name("4471", 1)
    stranger.write_text("something else")
    assert night(line)[1].held == 1
    assert stranger.read_text() == "something else"


# refusals ----------------------------------------------------------------------------
def test_an_unknown_host_key_stops_before_anything_is_said(line: Line, host: Host) -> None:
    other = sftp_servers.public_line(sftp_servers.new_key())
    at = endpoint(host, "4471")
    join(line, host, replace(at, host_key=other))
    owe(line, "4471", "R-1")
    assert night(line)[1].failed == 1
    assert failure(line, name("4471", 1)) == "host-key"
    detail = scalar(line, "SELECT failure_detail FROM ledger.score_file")
    assert str(detail).count("SHA256:") == 2
    assert scalar(line, "SELECT count(*) FROM ledger.delivery WHERE left_at IS NOT NULL") == 0
    assert night(line)[1].delivered == 0
    join(line, host, at)  # the changed endpoint lets it be tried again
    assert night(line)[1].delivered == 1


def test_a_refused_sign_in_waits_for_a_change_or_a_retry(line: Line, tmp_path: Path) -> None:
    port, key = sftp_servers.free_port(), sftp_servers.new_key()
    with sftp_servers.faulty(
        tmp_path / "host", door=sftp_servers.RefusesSignIn, port=port, key=key
    ) as closed:
        join(line, closed, endpoint(closed, "4471", directory="/4471"))
        owe(line, "4471", "R-1")
        assert night(line)[1].failed == 1
    assert failure(line, name("4471", 1)) == "sign-in"
    with sftp_servers.faulty(tmp_path / "host", port=port, key=key) as open_again:
        open_again.folder("4471")
        assert night(line)[1].delivered == 0
        assert send_files.retry(line, on=NIGHT).delivered == 1


def test_a_missing_folder_is_told_before_anything_may_have_left(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", directory=str(host.root / "nowhere")))
    owe(line, "4471", "R-1")
    night(line)
    assert failure(line, name("4471", 1)) == "folder"
    assert scalar(line, "SELECT may_have_left FROM ledger.score_file") is False


def test_a_missing_secret_is_looked_for_again_each_run(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471", credential="not-there"))
    owe(line, "4471", "R-1")
    night(line)
    assert failure(line, name("4471", 1)) == "credential"
    (line.settings.secrets / "not-there.key").write_text(host.key)
    assert night(line)[1].delivered == 1


def test_a_host_that_is_down_delays_only_its_own(line: Line, host: Host, tmp_path: Path) -> None:
    port, key = sftp_servers.free_port(), sftp_servers.new_key()
    with sftp_servers.faulty(tmp_path / "down", port=port, key=key) as down:
        join(line, down, endpoint(down, "4471", directory="/4471"))
        (line.settings.secrets / "other.key").write_text(host.key)
        join(line, down, endpoint(host, "5500", credential="other"))
    owe(line, "4471", "R-1", "R-2")
    owe(line, "5500", "R-3")
    _, sent = night(line)
    assert (sent.delivered, sent.failed, sent.unsent) == (1, 2, (name("4471", 1),))
    assert failure(line, name("4471", 1)) == "unreachable"
    with sftp_servers.faulty(tmp_path / "down", port=port, key=key) as up:
        up.folder("4471")
        (line.settings.secrets / "partner.key").write_text(up.key)
        _, sent = night(line)
    assert (sent.delivered, sent.files) == (2, (name("4471", 1),))


def test_later_files_stay_behind_a_failed_one_and_follow_in_order(
    line: Line, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(line, host, endpoint(host, "4471", credential="later"))
    owe(line, "4471", "R-1")
    night(line)
    owe(line, "4471", "R-2")
    _, sent = night(line)
    assert sent.unsent == (name("4471", 1), name("4471", 2))
    assert failure(line, name("4471", 2)) == "behind-another-file"
    (line.settings.secrets / "later.key").write_text(host.key)
    sent_in_order = []
    deliver = transfers.deliver
    monkeypatch.setattr(
        transfers,
        "deliver",
        lambda conn, file, **given: sent_in_order.append(file.sequence) or deliver(conn, file, **given),
    )
    assert night(line)[1].delivered == 2
    assert sent_in_order == [1, 2]


# two senders ----------------------------------------------------------------------------
def test_a_file_that_another_run_is_sending_is_left_to_it(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    with line.connect(autocommit=True) as other:
        file_id = files.open_files(other)[0].file_id
        assert locks.take(other, locks.of_file(file_id))
        sent = send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)
    assert (sent.delivered, sent.failed, sent.unsent) == (0, 0, (name("4471", 1),))
    assert arrived(host, "4471") == []


def test_a_late_sender_can_neither_rename_nor_deliver(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    with line.connect(autocommit=True) as conn:
        file = files.open_files(conn)[0]
        late = transfers.begin(conn, file, place="here")
        transfers.begin(conn, files.read(conn, file.file_id), place="here")
        with pytest.raises(transfers.Overtaken):
            transfers.note_renaming(conn, file.file_id, attempt=late, upload=late, is_sidecar=False)
        receipt = Receipt(Channel.ELECTRONIC, file.name, 1, file.sha256, file.size_bytes, line.now())
        with pytest.raises(transfers.Overtaken):
            transfers.deliver(conn, file, attempt=late, receipt=receipt, actor="late", run_id=None)
        with pytest.raises(transfers.Overtaken):
            transfers.begin(conn, file, place="here")


# sending again ----------------------------------------------------------------------------
def test_a_resend_carries_the_same_records_under_the_next_number(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1", "R-2")
    night(line)
    for reason in ("lost there", "lost there", "lost again"):  # the same reason and day is one resend
        redeliver.redeliver(line, what="file", name=name("4471", 1), reason=reason, on=NIGHT)
    assert arrived(host, "4471") == [name("4471", number) for number in (1, 2, 3)]
    first, second, third = (
        (host.folder("4471") / each).read_text().splitlines() for each in arrived(host, "4471")
    )
    assert first[1:-1] == second[1:-1] == third[1:-1]
    assert "RESEND" in second[0]
    assert name("4471", 1) in second[0]
    assert scalar(line, "SELECT count(*) FROM ledger.disclosure") == 6
    (line.settings.electronic_outbox / "4471" / name("4471", 3)).unlink()
    with line.connect() as conn:
        file = files.named(conn, name("4471", 3))
        assert file_outbox.content_of(line, conn, file).data == (host.folder("4471") / file.name).read_bytes()


def test_corrections_and_cancellations_say_what_they_replace(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1", "R-2")
    night(line)
    owe(line, "4471", "R-1", action="C", revision=2, scaled_score=60)
    owe(line, "4471", "R-2", action="X", revision=2, status="cancelled")
    night(line, on=date(2026, 11, 24))
    records_ = (host.folder("4471") / name("4471", 2, on=date(2026, 11, 24))).read_text().splitlines()[1:-1]
    assert [record[:2] for record in records_] == ["DC", "DX"]
    assert all(record[34:46] == "000002000001" for record in records_)


# a done-file that was agreed meanwhile --------------------------------------------------------
def agree_on_done_file(line: Line, host: Host, **agreed: object) -> None:
    join(line, host, endpoint(host, "4471", publish="done-file", **agreed))


def kept(line: Line, file: str) -> bytes:
    return (line.settings.electronic_outbox / "4471" / file).read_bytes()


@pytest.mark.parametrize("key", [None, pgp.modern(days=400).public], ids=["clear", "pgp"])
@pytest.mark.parametrize("was_tried", [False, True])
def test_an_unsent_file_gets_the_done_file_that_was_agreed_meanwhile(
    line: Line, host: Host, was_tried: bool, key: str | None
) -> None:
    join(line, host, endpoint(host, "4471", pgp_key=key, port=sftp_servers.free_port()))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    file = name("4471", 1) + (".pgp" if key else "")
    before = kept(line, file)
    if was_tried:
        with line.connect() as conn:
            conn.execute("UPDATE ledger.score_file SET may_have_left = true, attempt = 1, state = 'failed'")
            conn.execute("UPDATE ledger.delivery SET left_at = now()")
    agree_on_done_file(line, host, pgp_key=key)
    night(line)
    assert arrived(host, "4471") == [file, "CTL_4471_20261123_000001.json"]
    data = (host.folder("4471") / file).read_bytes()
    control = json.loads((host.folder("4471") / "CTL_4471_20261123_000001.json").read_text())
    assert hashlib.sha256(data).hexdigest() == control["encrypted_sha256" if key else "sha256"]
    assert data == before or not was_tried


@pytest.mark.parametrize(
    "step", ["distribution.jobs.file_outbox.keep", "distribution.ledger.rewrites.add_sidecar"]
)
def test_a_run_that_ends_while_it_adds_the_done_file_leaves_nothing_that_the_next_cannot_send(
    line: Line, host: Host, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = pgp.modern(days=400).public
    join(line, host, endpoint(host, "4471", pgp_key=key))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET may_have_left = true, attempt = 1, state = 'failed'")
        conn.execute("UPDATE ledger.delivery SET left_at = now()")
    agree_on_done_file(line, host, pgp_key=key)

    def ends(*given: object, **more: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(step, ends)
        with pytest.raises(MemoryError):
            night(line)
    night(line)
    assert arrived(host, "4471") == [f"{name('4471', 1)}.pgp", "CTL_4471_20261123_000001.json"]


def test_a_file_that_was_begun_by_rename_ends_by_rename(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    with line.connect() as conn:
        conn.execute(
            "UPDATE ledger.score_file SET may_have_left = true, attempt = 1, closing_attempt = 1, "
            "state = 'publishing'"
        )
        conn.execute("UPDATE ledger.delivery SET left_at = now()")
    (host.folder("4471") / f"{name('4471', 1)}.1.part").write_text("cut off")
    agree_on_done_file(line, host)
    night(line)
    assert arrived(host, "4471") == [name("4471", 1)]
    with line.connect() as conn:
        assert files.named(conn, name("4471", 1)).closing_attempt == 2  # under its temporary name, as before


def test_what_is_sent_again_is_announced_as_is_agreed_now(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    night(line)
    agree_on_done_file(line, host)
    again = redeliver.redeliver(line, what="file", name=name("4471", 1), reason="lost", on=NIGHT)
    assert arrived(host, "4471") == [name("4471", 1), again["name"], "CTL_4471_20261123_000002.json"]
    with line.connect() as conn:
        assert files.named(conn, again["name"]).control == "both"
