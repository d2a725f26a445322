"""A file goes out again by policy, the full history on request; a loader by key gains nothing from either."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from distribution.channels.electronic import record_layout
from distribution.errors import UsageError
from distribution.jobs import partners, redeliver, send_files, sending
from distribution.jobs.distribute_scores import run_nightly
from distribution.jobs.reconcile_deliveries import reconcile
from distribution.jobs.route_scores import route_scores
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries, files
from tests.support import partner_readers, records, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.partner_readers import Record
from tests.support.sftp_servers import Host

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
NAME = "CLEP_4471_20261123_000001.txt"
SECOND = "CLEP_4471_20261123_000002.txt"
THIRD = "CLEP_4471_20261123_000003.txt"
_NOTHING = dict.fromkeys(("paper", "electronic", "portal", "held", "failed", "waiting"), 0)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


@pytest.fixture
def sent(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    night(line)


def night(line: Line) -> send_files.SendOutcome:
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    return send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)


def records_in(host: Host, name: str, layout: str = "fixed-1") -> list[Record]:
    """The D records of a file as its institution reads them by the spec, and nothing else of ours."""
    spec = record_layout.spec(record_layout.load(layout))
    data = (host.folder("4471") / name).read_bytes()
    read = partner_readers.delimited if spec["kind"] == "csv" else partner_readers.fixed_width
    return read(spec, data)["D"]


def loaded(
    host: Host, table: dict[str, Record], name: str, layout: str = "fixed-1"
) -> dict[str, dict[str, str]]:
    """What a loader holds that keys on result_id and keeps the highest revision, after one more file."""
    found = dict(table)
    for record in records_in(host, name, layout):
        known = found.get(record["result_id"])
        if known is None or int(record["revision"]) >= int(known["revision"]):
            found[record["result_id"]] = {key: value for key, value in record.items() if key != "line"}
    return found


@pytest.mark.parametrize(
    ("days", "against"),
    [(0, "less than 21 days"), (20, "less than 21 days"), (21, ""), (180, ""), (190, "more than six months")],
)
def test_the_policy_is_once_from_21_days_to_six_months(
    line: Line, sent: None, days: int, against: str
) -> None:
    found = redeliver.outside_policy(line, NAME, on=NIGHT + timedelta(days=days))
    assert (against in found) if against else (found == "")


def test_a_second_resend_is_against_the_policy_and_the_override_is_kept(line: Line, sent: None) -> None:
    later = NIGHT + timedelta(days=30)
    redeliver.redeliver(line, what="file", name=NAME, reason="lost", on=later)
    assert "was sent again as CLEP_4471_20261223_000002.txt" in redeliver.outside_policy(line, NAME, on=later)
    redeliver.redeliver(line, what="file", name=NAME, reason="lost again", on=later)
    with line.connect() as conn:
        rows = conn.execute(
            "SELECT outside_policy IS NULL FROM ledger.score_file ORDER BY sequence"
        ).fetchall()
    assert rows == [(True,), (True,), (False,)]


def test_the_copy_of_a_copy_is_against_the_policy_too(line: Line, sent: None) -> None:
    later = NIGHT + timedelta(days=30)
    copy = redeliver.redeliver(line, what="file", name=NAME, reason="lost", on=later)["name"]
    assert f"was sent again as {copy}" in redeliver.outside_policy(line, copy, on=later)
    again = redeliver.redeliver(line, what="file", name=copy, reason="lost again", on=later)["name"]
    for name in (NAME, copy, again):
        assert f"was sent again as {again}" in redeliver.outside_policy(line, name, on=later)


def test_the_full_history_holds_a_name_without_letters_in_the_encoding_as_such(
    line: Line, host: Host, sent: None
) -> None:
    owe(line, "4471", "R-2", last_name="\u110b")
    night(line)
    join(line, host, endpoint(host, "4471", encoding="ascii"))
    assert redeliver.full_history(line, "4471", reason="new system", on=NIGHT)["records"] == 1
    with line.connect() as conn:
        held = conn.execute("SELECT state_reason FROM ledger.delivery WHERE state = 'held'").fetchall()
    assert held == [("no-glyph",)]


def test_a_resend_loaded_twice_leaves_a_key_based_loader_unchanged(
    line: Line, host: Host, sent: None
) -> None:
    again = redeliver.redeliver(line, what="file", name=NAME, reason="lost", on=NIGHT)["name"]
    once = loaded(host, {}, NAME)
    assert once
    assert loaded(host, loaded(host, once, again), again) == once


@pytest.mark.parametrize("layout", ["fixed-1", "csv-1"])
@pytest.mark.parametrize(
    ("action", "status", "left_out"),
    [("C", "scored", 0), ("X", "scored", 1), ("X", "cancelled", 1)],
    ids=["corrected", "taken from this recipient", "cancelled"],
)
def test_an_old_file_that_is_sent_again_and_loaded_last_changes_nothing(
    line: Line, host: Host, layout: str, action: str, status: str, left_out: int
) -> None:
    join(line, host, endpoint(host, "4471", layout=layout))
    owe(line, "4471", "R-1", "R-2")
    night(line)
    owe(line, "4471", "R-1", action=action, revision=2, status=status, scaled_score=70)
    night(line)
    first, newest = (name for name in arrived(host, "4471") if not name.startswith("CTL_"))
    before = loaded(host, loaded(host, {}, first, layout), newest, layout)
    assert (before["R-1"]["action"], before["R-1"]["revision"]) == (action, "2")
    again = redeliver.redeliver(line, what="file", name=first, reason="lost", on=NIGHT)
    assert (again["state"], again["left_out"]) == ("delivered", left_out)
    carried = [(each["result_id"], each["revision"]) for each in records_in(host, again["name"], layout)]
    assert sorted(carried) == [("R-1", "1"), ("R-2", "1")][left_out:]
    for _ in range(2):
        assert loaded(host, before, again["name"], layout) == before


def test_the_full_history_is_one_file_with_the_newest_of_each_score(
    line: Line, host: Host, sent: None
) -> None:
    owe(line, "4471", "R-2")
    night(line)
    owe(line, "4471", "R-2", action="C", revision=2, scaled_score=70)
    night(line)
    held = {}
    for name in arrived(host, "4471"):
        held = loaded(host, held, name)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert (full["records"], full["state"]) == (2, "delivered")
    assert redeliver.full_history(line, "4471", reason="new system", on=NIGHT)["name"] == full["name"]
    assert loaded(host, {}, full["name"]) == held
    spec = record_layout.spec(record_layout.load("fixed-1"))
    read = partner_readers.fixed_width(spec, (host.folder("4471") / full["name"]).read_bytes())
    assert [header["kind"] for header in read["H"]] == ["FULL"]
    document = reconcile(line, on=NIGHT)
    assert not [
        fault for fault in document["faults"] if fault.startswith("Owed: routing") and "resend" in fault
    ]


def test_the_full_history_leaves_out_what_may_no_longer_be_reported(line: Line, sent: None) -> None:
    with pytest.raises(UsageError, match="never got a score"):
        redeliver.full_history(line, "4471", reason="new system", on=NIGHT.replace(year=2037))


def results_in(host: Host, name: str) -> list[tuple[str, str]]:
    """Action and result of each record of a file in fixed-1."""
    return sorted((record["action"], record["result_id"]) for record in records_in(host, name))


@pytest.mark.parametrize(
    ("status", "told"),
    [("cancelled", "not yet"), ("cancelled", "held"), ("cancelled", "told"), ("withheld", "never")],
)
def test_a_score_that_was_taken_back_is_sent_by_no_history_and_no_resend(
    line: Line, host: Host, sent: None, status: str, told: str
) -> None:
    owe(line, "4471", "R-2")
    night(line)
    owe(line, "4471", "R-3", "R-4")
    night(line)
    taken_back(line, "R-3", status=status, told=told)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert results_in(host, full["name"]) == [("N", "R-1"), ("N", "R-2"), ("N", "R-4")]
    again = redeliver.redeliver(line, what="file", name=THIRD, reason="lost", on=NIGHT)
    assert results_in(host, again["name"]) == [("N", "R-4")]
    assert (again["records"], again["left_out"]) == (1, 1)
    taken_back(line, "R-2", status=status, told=told)
    with pytest.raises(UsageError, match="cancelled or withheld by now"):
        redeliver.redeliver(line, what="file", name=SECOND, reason="lost", on=NIGHT)
    assert last_number(line) == len(numbers(line))


def last_number(line: Line) -> int:
    with line.connect() as conn:
        return files.lock_sequences(conn, ["4471"])["4471"]


def numbers(line: Line) -> list[int]:
    with line.connect() as conn:
        return [row[0] for row in conn.execute("SELECT sequence FROM ledger.score_file").fetchall()]


def taken_back(line: Line, result_id: str, *, status: str, told: str) -> None:
    """A second revision without a score; of a cancelled one the institution was told, or will be."""
    if told == "never":
        with line.connect() as conn:
            records.result(conn, result_id, 2, status=status, candidate_id=f"C-{result_id}")
        return
    owe(line, "4471", result_id, action="X", revision=2, status=status)
    if told == "told":
        night(line)
    if told == "held":
        with line.connect() as conn:
            found = conn.execute("SELECT delivery_id FROM ledger.delivery WHERE state = 'pending'").fetchall()
            held = pd.DataFrame({"delivery_id": [row[0] for row in found], "reason": "volume-anomaly"})
            deliveries.hold(conn, held)


def test_the_full_history_leaves_out_what_the_institution_was_told_to_remove(
    line: Line, host: Host, sent: None
) -> None:
    owe(line, "4471", "R-2")
    night(line)
    owe(line, "4471", "R-1", action="X", revision=2)
    night(line)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert results_in(host, full["name"]) == [("N", "R-2")]


def test_the_full_history_holds_what_was_removed_and_then_sent_anew(
    line: Line, host: Host, sent: None
) -> None:
    owe(line, "4471", "R-1", action="X", revision=2)
    night(line)
    with line.connect() as conn:  # the candidate orders a transcript of the same revision
        conn.execute(
            """
            INSERT INTO ledger.delivery (result_id, revision, academic_year, recipient, designated, occasion,
                                         action, reasons, channel, state, owed_on)
            SELECT result_id, revision, academic_year, recipient, designated, 'transcript:T-1', 'N',
                   ARRAY['transcript'], channel, 'pending', owed_on
            FROM ledger.delivery WHERE action = 'X'
            """
        )
    night(line)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert results_in(host, full["name"]) == [("N", "R-1")]


def test_the_full_history_leaves_a_replaced_revision_to_its_correction(
    line: Line, host: Host, sent: None
) -> None:
    owe(line, "4471", "R-2")
    night(line)
    owe(line, "4471", "R-1", action="C", revision=2, scaled_score=70)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert results_in(host, full["name"]) == [("N", "R-2")]


def test_what_waits_in_a_file_of_an_earlier_number_is_in_the_full_history(
    line: Line, host: Host, sent: None
) -> None:
    at = endpoint(host, "4471")
    join(line, host, replace(at, port=sftp_servers.free_port()))
    owe(line, "4471", "R-1", action="C", revision=2, scaled_score=70)
    night(line)
    join(line, host, at)
    full = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    assert results_in(host, full["name"]) == [("C", "R-1")]
    assert len(arrived(host, "4471")) == 3


@pytest.mark.parametrize("kind", ["FULL", "RESEND"])
@pytest.mark.parametrize("status", ["cancelled", "withheld"])
def test_a_score_that_is_taken_back_while_a_copy_waits_is_taken_out_of_it(
    line: Line, host: Host, kind: str, status: str
) -> None:
    taken_on(line, host)
    owe(line, "4471", "R-1", "R-2", recipient_1="4471")
    night(line)
    partners.pause(line, "4471", until=None)
    if kind == "FULL":
        name = redeliver.full_history(line, "4471", reason="new system", on=NIGHT)["name"]
    else:
        name = redeliver.redeliver(line, what="file", name=NAME, reason="lost", on=NIGHT)["name"]
    with line.connect() as conn:
        again = {"candidate_id": "C-R-1", "recipient_1": "4471", "status": status}
        records.result(conn, "R-1", 2, **again)
    routed(line)
    partners.resume(line, "4471")
    night(line)
    assert results_in(host, name) == [("N", "R-2")]


def test_what_the_full_history_held_goes_once_the_institution_can_take_it(line: Line, host: Host) -> None:
    taken_on(line, host)
    owe(line, "4471", "R-1", last_name="\u110b", recipient_1="4471")
    night(line)
    join(line, host, endpoint(host, "4471", encoding="ascii"))
    redeliver.full_history(line, "4471", reason="new system", on=NIGHT)
    routed(line)
    with line.connect() as conn:
        assert states(conn) == {"delivered": 1, "held": 1}
    join(line, host, endpoint(host, "4471"))
    routed(line)
    night(line)
    with line.connect() as conn:
        assert states(conn) == {"delivered": 2}
    assert results_in(host, THIRD) == [("N", "R-1")]
    faults = [each for each in reconcile(line, on=NIGHT)["faults"] if not each.startswith("Received")]
    assert faults == []


def taken_on(line: Line, host: Host) -> None:
    join(line, host, endpoint(host, "4471"))
    with line.connect() as conn:
        records.institution(conn, "4471", kind="college", delivery_method="electronic")
        records.run(conn)


def routed(line: Line) -> None:
    """The next run looks at all that has not left."""
    route_scores(line, run_id="N20261123-01", on=NIGHT)


# the pause of all sending ----------------------------------------------------------------------------
@pytest.fixture
def paused(line: Line, host: Host) -> Line:
    """Two scores owed, one by each way out, and all sending paused."""
    join(line, host, endpoint(host, "4471"))
    with line.connect() as conn:
        address = {"address_1": "1 Main St", "city": "Anytown", "state": "NY", "postal_code": "00501"}
        records.institution(conn, "4471", kind="college", delivery_method="electronic")
        records.institution(conn, "5500", kind="college", delivery_method="paper", **address)
        records.institution(conn, "331234")
        version = records.result(conn, "R-1", recipient_1="4471", recipient_2="5500", attending_code="331234")
        conn.execute("UPDATE ledger.feed SET records = 1, new = 1")
        assert version["result_id"] == "R-1"
    sending.pause(line, reason="Wrong scores in the feed.", until=None)
    return line


def test_while_sending_is_paused_files_are_built_and_nothing_leaves(paused: Line, host: Host) -> None:
    said: list[str] = []
    document = run_nightly(paused, on=NIGHT, say=said.append)
    assert document["balanced"], document["faults"]
    assert document["exit"] == 0
    assert document["deliveries"] == _NOTHING | {"waiting": 3}
    assert any("Sending is paused: Wrong scores" in each for each in said)
    assert arrived(host, "4471") == []
    assert (paused.settings.electronic_outbox / "4471" / NAME).exists()
    assert not list(paused.settings.paper_outbox.iterdir())
    with paused.connect() as conn:
        assert conn.execute("SELECT count(*) FROM portal.staged_score").fetchone() == (0,)
    whats = [need["what"] for need in reconcile(paused, on=NIGHT)["needs_a_person"]]
    assert "All sending is paused" in whats


def test_once_sending_is_resumed_everything_leaves(paused: Line, host: Host) -> None:
    run_nightly(paused, on=NIGHT)
    assert sending.resume(paused)
    document = run_nightly(paused, on=NIGHT + timedelta(days=1))
    assert document["balanced"], document["faults"]
    assert (document["deliveries"]["electronic"], document["deliveries"]["portal"]) == (1, 1)
    assert document["deliveries"]["paper"] == 1
    assert arrived(host, "4471") == [NAME]


def test_a_pause_ends_by_itself_at_the_time_that_was_stated(line: Line, host: Host) -> None:
    now = datetime.now(UTC)
    today = replace(line, now=lambda: now)
    sending.pause(today, reason="maintenance", until=now + timedelta(hours=1))
    assert sending.in_force(today) is not None
    assert sending.in_force(replace(line, now=lambda: now + timedelta(hours=2))) is None


def test_files_of_a_paused_line_are_counted_by_state(paused: Line) -> None:
    run_nightly(paused, on=NIGHT)
    with paused.connect() as conn:
        assert states(conn) == {"claimed": 1, "pending": 2}
        found = files.named(conn, NAME)
    assert (found.state, found.may_have_left) == ("built", False)
