"""Paper from pending deliveries to files for the mailroom, killed and run again."""

import csv
import hashlib
import os
import re
import signal
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from distribution.errors import PermanentError, TransientError, UsageError
from distribution.jobs import distribute_scores, print_batches
from distribution.jobs.wiring import Line
from distribution.ledger import batches, deliveries, runs
from tests.support import records

NIGHT = date(2026, 11, 23)


def college(line: Line, code: str, **given: object) -> None:
    """A paper institution on file."""
    row = {
        "kind": "college",
        "delivery_method": "paper",
        "attention": "Registrar",
        "address_1": "1 Main Street",
        "city": "Springfield",
        "state": "IL",
        "postal_code": "62701",
        **given,
    }
    with line.connect() as conn:
        records.institution(conn, code, **row)


def owe(line: Line, code: str, result_id: str, action: str = "N", **given: object) -> None:
    """A pending paper delivery of a result of its own."""
    with line.connect() as conn:
        version = records.result(conn, result_id, **{"candidate_id": f"C-{result_id}", **given})
        records.owe(conn, version, code, action, channel="paper", reasons=["recipient"])


def a_run(line: Line) -> str:
    with line.connect() as conn:
        return runs.open_run(conn, kind="nightly", on=NIGHT, only_channel=None, started_at=line.now()).run_id


def walk(line: Line) -> print_batches.PaperOutcome:
    return print_batches.print_batches(line, run_id=a_run(line), on=NIGHT)


def outbox(line: Line) -> dict[str, str]:
    """Every file of the outbox with the hash of its bytes."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(line.settings.paper_outbox.iterdir())
    }


def text_of(path: Path) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", path, "-"], check=True, capture_output=True
    ).stdout.decode()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def one(line: Line, query: str) -> tuple:
    with line.connect() as conn:
        return conn.execute(query).fetchone()


def test_pending_deliveries_become_batches_with_pdf_cover_and_manifest(line):
    college(line, "4471", postal_code="90210")
    college(line, "4472", postal_code="10001")
    owe(line, "4471", "R-1", last_name="Nguyễn")
    owe(line, "4472", "R-2", last_name="O'Brien")
    outcome = walk(line)
    assert outcome == print_batches.PaperOutcome(batches=("PB-20261123-A",), placed=2, held=0)
    folder = line.settings.paper_outbox
    assert list(outbox(line)) == [
        "PB-20261123-A-cover.pdf",
        "PB-20261123-A-manifest.csv",
        "PB-20261123-A.pdf",
    ]
    rows = rows_of(folder / "PB-20261123-A-manifest.csv")
    assert [(row["piece"], row["di"], row["first_page"]) for row in rows] == [
        ("0001", "4472", "1"),
        ("0002", "4471", "3"),
    ]
    assert {row["pdf_sha256"] for row in rows} == {outbox(line)["PB-20261123-A.pdf"]}
    text = text_of(folder / "PB-20261123-A.pdf")
    assert text.index("O'Brien") < text.index("Nguyễn"), "in ZIP order"
    assert "Nguyễn" not in text_of(folder / "PB-20261123-A-cover.pdf")


def test_what_is_placed_counts_as_left_is_disclosed_and_proved(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    assert one(line, "SELECT state, batch_id, piece, left_at IS NOT NULL FROM ledger.delivery") == (
        "claimed",
        "PB-20261123-A",
        1,
        True,
    )
    assert one(line, "SELECT result_id, recipient, channel, artefact FROM ledger.disclosure") == (
        "R-1",
        "4471",
        "paper",
        "PB-20261123-A",
    )
    pdf_hash = outbox(line)["PB-20261123-A.pdf"]
    assert one(line, "SELECT event, records, sha256 FROM ledger.receipt") == ("placed", 1, pdf_hash)
    assert one(line, "SELECT state, pdf_sha256, proved_at IS NOT NULL FROM ledger.batch") == (
        "ready",
        pdf_hash,
        True,
    )


def test_a_second_walk_does_nothing(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    before = outbox(line)
    assert walk(line) == print_batches.PaperOutcome(batches=(), placed=0, held=0)
    assert outbox(line) == before


def test_later_batches_of_a_day_go_on_in_the_alphabet(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    owe(line, "4471", "R-2")
    assert walk(line).batches == ("PB-20261123-B",)


def test_batches_hold_pieces_of_one_thickness_and_flats_go_apart(line):
    for code, count in (("4471", 1), ("4472", 2), ("4473", 5), ("4474", 1)):
        college(line, code)
        for number in range(count):
            owe(line, code, f"R-{code}-{number}", last_name=f"Name{number}")
    assert walk(line).batches == ("PB-20261123-A", "PB-20261123-B", "PB-20261123-C")
    with line.connect() as conn:
        found = [
            (each.stock, each.sheets_per_piece, each.pieces, each.position) for each in batches.listing(conn)
        ]
    assert found == [("no10-window", 1, 2, 1), ("no10-window", 3, 1, 2), ("flat-9x12", 6, 1, 3)]


def test_pieces_lie_in_the_order_of_their_zip_digits_however_the_codes_are_written(line):
    codes = {"4471": "50613-0002", "4472": "506130001", "4473": "50613", "4474": "01234"}
    for di, postal_code in codes.items():
        college(line, di, postal_code=postal_code)
        owe(line, di, f"R-{di}")
    walk(line)
    with line.connect() as conn:
        pieces = batches.pieces_of(conn, "PB-20261123-A")
    assert [piece.di for piece in pieces] == ["4474", "4473", "4472", "4471"]


def test_all_scores_of_a_candidate_stand_on_one_report(line):
    college(line, "4471")
    for exam in ("FINACC", "BUSLAW"):
        owe(line, "4471", f"R-{exam}", exam_code=exam, candidate_id="00123", last_name="Null")
    walk(line)
    text = text_of(line.settings.paper_outbox / "PB-20261123-A.pdf")
    assert re.search(r"Financial Accounting\s+2026-11-20\s+55\s+3\b", text)
    assert re.search(r"Introductory Business Law\s+2026-11-20\s+55\s+3\b", text)
    assert "1 student · 2 results" in text
    assert "2008" not in text, "no birth date"


def test_a_correction_and_a_removal_say_so(line):
    college(line, "4471")
    owe(line, "4471", "R-1", "C", candidate_id="1")
    owe(line, "4471", "R-2", "X", candidate_id="2")
    walk(line)
    text = text_of(line.settings.paper_outbox / "PB-20261123-A.pdf")
    assert "Corrected report — replaces the score reported earlier" in text
    assert "Score cancelled" in text
    assert len(re.findall(r"\b55\b", text)) == 1, "only the correction shows a score"


def test_what_cannot_be_printed_is_held_and_the_rest_goes(line):
    college(line, "4471")
    college(line, "4472", address_1="")
    college(line, "4473", name="Academy" * 12)
    college(line, "4474", postal_code="1234")
    for code, result_id in (
        ("4471", "R-1"), ("4472", "R-2"), ("4473", "R-3"), ("9999", "R-4"), ("4474", "R-6"),
    ):  # fmt: skip
        owe(line, code, result_id)
    owe(line, "4471", "R-5", last_name="王")
    outcome = walk(line)
    assert (outcome.placed, outcome.held) == (1, 5)
    with line.connect() as conn:
        held = conn.execute(
            "SELECT d.result_id, h.reason FROM ledger.hold AS h JOIN ledger.delivery AS d USING (delivery_id)"
        ).fetchall()
    assert dict(held) == {
        "R-2": "no-address",
        "R-3": "address-too-long",
        "R-4": "no-address",
        "R-5": "no-glyph",
        "R-6": "no-address",
    }


def owe_two(line: Line) -> str:
    """Two batches owed, one of them abroad, with Intelligent Mail barcodes; the run that is to print them."""
    college(line, "4471")
    college(line, "4472", country="AT", state="", postal_code="1010", city="Wien")
    for result_id, code in (("R-1", "4471"), ("R-2", "4472")):
        owe(line, code, result_id)
    return a_run(line)


def with_mailer(line: Line) -> Line:
    mailer = {"mailer_id": "912345678", "imb_service_type": "300"}
    return replace(line, settings=line.settings.model_copy(update=mailer))


@pytest.fixture(scope="module")
def undisturbed(module_line: Line) -> dict[str, str]:
    """The files of the same two batches when nobody kills anything."""
    line = with_mailer(module_line)
    print_batches.print_batches(line, run_id=owe_two(line), on=NIGHT)
    return outbox(line)


@pytest.mark.parametrize(
    "killed_at", ["write_batches.place", "batches.prove", "receipts.write", "outbox._sync"]
)
def test_killed_between_plan_and_proof_the_next_run_writes_the_same_bytes(line, undisturbed, killed_at):
    line = with_mailer(line)
    run_id = owe_two(line)
    _killed_at(killed_at, lambda: print_batches.print_batches(line, run_id=run_id, on=NIGHT))
    assert one(line, "SELECT count(*) FROM ledger.batch WHERE proved_at IS NULL") == (2,)
    # A new address tomorrow changes nothing for a batch that was planned: it carries the address of its day.
    college(line, "4471", address_1="2 Other Street", valid_from=date(2026, 11, 23))
    outcome = print_batches.print_batches(line, run_id=run_id, on=NIGHT)
    assert (outcome.batches, outcome.placed) == (("PB-20261123-A", "PB-20261123-B"), 2)
    assert outbox(line) == undisturbed
    assert "1 Main Street" in text_of(line.settings.paper_outbox / "PB-20261123-A.pdf")
    assert one(line, "SELECT count(*), sum(records) FROM ledger.receipt") == (2, 2)
    assert one(line, "SELECT count(*) FROM ledger.disclosure") == (2,)


@pytest.mark.parametrize("killed_at", ["set_batch.mail_by", "batches.plan", "deliveries.disclose"])
def test_killed_before_the_plan_is_recorded_the_next_run_makes_the_same_one(line, undisturbed, killed_at):
    line = with_mailer(line)
    run_id = owe_two(line)
    _killed_at(killed_at, lambda: print_batches.print_batches(line, run_id=run_id, on=NIGHT))
    assert one(line, "SELECT count(*) FROM ledger.batch") == (0,)
    print_batches.print_batches(line, run_id=run_id, on=NIGHT)
    assert outbox(line) == undisturbed


@pytest.mark.parametrize(
    ("closed", "cutoff", "mail_by"),
    [
        ("", time(15, 0), datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        # Thursday is Thanksgiving: what cannot leave on Tuesday or Wednesday leaves on Friday.
        ("2026-11-24,2026-11-25", time(14, 30), datetime(2026, 11, 27, 19, 30, tzinfo=UTC)),
    ],
)
def test_a_batch_is_to_be_mailed_on_the_mailrooms_next_open_day(line, closed, cutoff, mail_by):
    settings = line.settings.model_copy(update={"mailroom_closed_days": closed, "mailroom_cutoff": cutoff})
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(replace(line, settings=settings))
    assert one(line, "SELECT mail_by FROM ledger.batch") == (mail_by,)
    local = mail_by.astimezone(line.settings.zone)
    assert f"{local:%H:%M}" in text_of(line.settings.paper_outbox / "PB-20261123-A-cover.pdf")


def _killed_at(place: str, work) -> None:
    """Do the work in a child that is killed (SIGKILL) when it reaches a function."""
    child = os.fork()
    if child == 0:
        module, _, name = place.rpartition(".")
        owner = getattr(print_batches, module) if module else print_batches
        setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child got past the place where it should have died"


def test_a_delivery_that_changes_while_its_batch_is_planned_stops_the_plan(line, monkeypatch):
    college(line, "4471")
    owe(line, "4471", "R-1")
    found = deliveries.contents

    def contents_then_withdrawn(conn, **chosen):
        frame = found(conn, **chosen)
        deliveries.withdraw(conn, list(frame["delivery_id"]), reason="superseded")
        return frame

    monkeypatch.setattr(deliveries, "contents", contents_then_withdrawn)
    with pytest.raises(TransientError, match="changed while"):
        walk(line)
    assert one(line, "SELECT count(*) FROM ledger.batch") == (0,)


def test_a_batch_is_written_again_with_the_same_bytes_and_the_look_is_recorded(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    before = outbox(line)
    for path in line.settings.paper_outbox.iterdir():
        path.unlink()
    assert print_batches.render_again(line, "PB-20261123-A").name == "PB-20261123-A.pdf"
    assert outbox(line) == before
    assert one(line, "SELECT command, result_ids FROM ledger.access_log") == (
        "rewrite PB-20261123-A",
        ["R-1"],
    )


def test_a_batch_that_would_come_out_otherwise_is_not_written_over_the_proved_one(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    before = outbox(line)
    settings = line.settings.model_copy(update={"return_address": "Another House"})
    with pytest.raises(PermanentError, match="would not come out"):
        print_batches.render_again(Line(settings, line.url, line.now), "PB-20261123-A")
    assert outbox(line) == before


@pytest.mark.parametrize(
    ("setting", "wrong", "named"),
    [
        ("return_address", "A|B|C|D", "DISTRIBUTION_RETURN_ADDRESS"),
        ("return_address", "京都", "DISTRIBUTION_RETURN_ADDRESS"),
        ("mailer_id", "123456", "DISTRIBUTION_IMB_SERVICE_TYPE"),
    ],
)
def test_a_setting_that_cannot_be_printed_with_is_told_before_anything_is_planned(
    line, setting, wrong, named
):
    college(line, "4471")
    owe(line, "4471", "R-1")
    wrong_line = Line(line.settings.model_copy(update={setting: wrong}), line.url, line.now)
    with pytest.raises(UsageError, match=named):
        walk(wrong_line)
    with pytest.raises(UsageError, match=named):
        distribute_scores.run_nightly(wrong_line, on=NIGHT)
    with pytest.raises(UsageError, match=named):
        distribute_scores.open_run(wrong_line, on=NIGHT)
    assert one(line, "SELECT count(*) FROM ledger.batch") == (0,)
    assert one(line, "SELECT state FROM ledger.delivery") == ("pending",)
    assert one(line, "SELECT count(*) FROM ledger.run") == (1,), "the test's own"
    assert walk(line).placed == 1, "with the setting mended the night goes on"


def test_a_channel_apart_from_paper_runs_whatever_the_return_address(line):
    settings = line.settings.model_copy(update={"return_address": "A|B|C|D"})
    assert distribute_scores.open_run(Line(settings, line.url, line.now), on=NIGHT, only="portal")


def test_the_cover_is_written_again_without_reading_a_students_record(line):
    college(line, "4471")
    owe(line, "4471", "R-1")
    walk(line)
    before = outbox(line)
    (line.settings.paper_outbox / "PB-20261123-A-cover.pdf").unlink()
    print_batches.write_cover(line, "PB-20261123-A")
    assert outbox(line) == before
    assert one(line, "SELECT count(*) FROM ledger.access_log") == (0,)


def test_an_unknown_batch_is_a_usage_error(line):
    with pytest.raises(UsageError, match="no batch PB-20261123-Z"):
        print_batches.write_cover(line, "PB-20261123-Z")
