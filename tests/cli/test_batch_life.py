"""A batch's whole life as the mailroom types it: real commands, their exit codes, what they say and leave."""

import io
import json
import logging
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageChops

from distribution.channels.paper import barcodes, geometry
from distribution.cli import app
from distribution.jobs.wiring import Line
from tests.support.paper import BATCH, a_batch, all_rows, batch_state, delivery_states, piece_states, text_of

DOTS = 100 / geometry.INCH  # per millimetre
PIECES, SHEETS = 6, 18  # two students a piece: an address sheet and two reports


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed and ended with."""

    code: int
    out: str
    err: str


Give = Callable[[str], Said]


@pytest.fixture
def give(line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Give]:
    """Types commands about a fresh batch of six pieces into the program, `batch` left away."""
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    a_batch(line, pieces=PIECES, students=2)

    def typed(command: str) -> Said:
        code = app.main(["batch", *shlex.split(command)])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    yield typed
    # The program's log speaks to this test's stderr, which ends here.
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if handler.get_name() != app.PROGRAM]


def to_mailed(give: Give) -> None:
    for step in (f"printed {BATCH} --sheets {SHEETS}", f"inserted {BATCH} --pieces {PIECES}"):
        assert give(step).code == 0
    assert give(f"mailed {BATCH} --pieces {PIECES}").code == 0


def pictures(pdf: Path, pages: range) -> list[Image.Image]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [
            document[page].render(scale=DOTS * geometry.INCH / 72, grayscale=True).to_pil() for page in pages
        ]


def sheet_codes(pdf: Path) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        shown = [page.render(scale=300 / 72).to_pil() for page in document]
    return [code.text for page in shown for code in zxingcpp.read_barcodes(page)]


# A whole life --------------------------------------------------------------------------------------------
def test_a_batch_lives_from_the_printer_to_the_carrier_and_its_scores_are_delivered_only_then(give, line):
    assert "Next: Insert it" in give(f"printed {BATCH} --sheets {SHEETS}").out
    assert give(f"spoiled {BATCH} 0002-0004").code == 0
    assert give(f"inserted {BATCH} --pieces {PIECES}").code == 0
    too_early = give(f"mailed {BATCH} --pieces {PIECES}")
    assert too_early.code == 2
    assert "0002-0004" in too_early.err
    assert give(f"reprint {BATCH} 0002-0004 --reason 'torn by the inserter'").code == 0
    assert (batch_state(line), set(delivery_states(line))) == ("inserted", {"claimed"})

    wrong = give(f"mailed {BATCH} --pieces 5")
    assert (wrong.code, wrong.out) == (2, "")
    assert f"{PIECES} pieces by its manifest, 5 were counted" in wrong.err
    assert (batch_state(line), set(delivery_states(line))) == ("inserted", {"claimed"})

    mailed = give(f"mailed {BATCH} --pieces {PIECES}")
    assert (mailed.code, mailed.out) == (0, f"{BATCH} is mailed: 6 pieces.\n12 scores are delivered.\n")
    assert (batch_state(line), set(delivery_states(line))) == ("mailed", {"delivered"})
    assert piece_states(line) == ["mailed", *["mailed R1"] * 3, *["mailed"] * 2]


def test_each_message_leads_to_the_next_command_until_nothing_is_left_to_do(give, line):
    """Whoever only ever types what stands behind Next gets the batch out of the house."""
    give(f"spoiled {BATCH} 3 5-6")
    due, typed = json.loads(give(f"show {BATCH} --json").out)["next"], []
    while due:
        command = re.search(r"batch (\w+ .*?)\.?$", due)[1].replace("TEXT", "jam")
        typed.append(command.split()[0])
        assert give(command).code == 0, command
        due = json.loads(give(f"show {BATCH} --json").out)["next"]
    assert typed == ["reprint", "printed", "inserted", "mailed"]
    assert batch_state(line) == "mailed"


# Counts --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "said", "stated"),
    [
        ((), "printed --sheets", f"{SHEETS} sheets"),
        ((f"printed {BATCH} --sheets {SHEETS}",), "inserted --pieces", f"{PIECES} pieces"),
    ],
)
@pytest.mark.parametrize(("counted", "hint"), [(1, "missing or damaged"), (99, "old copy")])
def test_a_wrong_count_ends_with_2_and_says_both_counts_and_where_to_look(
    give, line, before, said, stated, counted, hint
):
    for command in before:
        give(command)
    state = batch_state(line)
    verb, option = said.split()
    refused = give(f"{verb} {BATCH} {option} {counted}")
    assert refused.code == 2
    assert f"has {stated} by its manifest, {counted} were counted. Nothing was changed." in refused.err
    assert hint in refused.err
    assert batch_state(line) == state


def test_a_count_left_out_is_asked_for_and_a_dry_run_changes_nothing(give, line):
    assert give(f"printed {BATCH}").code == 2
    assert "would be printed" in give(f"printed {BATCH} --sheets {SHEETS} --dry-run").out
    assert batch_state(line) == "ready"


def test_a_batch_id_is_read_in_small_letters_too_and_an_unknown_one_leads_to_the_list(give, line):
    assert give(f"printed {BATCH.lower()} --sheets {SHEETS}").code == 0
    assert batch_state(line) == "printed"
    unknown = give("printed PB-20261123-Z --sheets 1")
    assert unknown.code == 2
    assert "`batch list`" in unknown.err


# Spoiled and printed again -------------------------------------------------------------------------------
def test_a_reprint_is_the_same_sheet_by_sheet_but_for_its_mark(give, line):
    give(f"spoiled {BATCH} 0002-0003")
    document = json.loads(give(f"reprint {BATCH} 0002-0003 --reason jam --json").out)
    assert (document["pieces"], document["marks"], document["sheets"]) == (["0002", "0003"], ["R1", "R1"], 6)
    again, batch = Path(document["pdf"]), line.settings.paper_outbox / f"{BATCH}.pdf"
    before = text_of(batch).split("\f")[6:18]
    after = text_of(again).split("\f")[:12]
    assert [re.sub(r"piece (000[23])", r"piece \1 R1", page).split() for page in before] == [
        page.split() for page in after
    ]
    # On paper the mark stands beside the code at the top right and at the foot; between them nothing differs.
    head, foot = round((geometry.TOP + geometry.CODE_SIZE + 1) * DOTS), round(geometry.FOOT_LINE * DOTS)
    for page, was, now in zip(
        range(12), pictures(batch, range(6, 18)), pictures(again, range(12)), strict=True
    ):
        apart = ImageChops.difference(was, now)
        assert apart.crop((0, head, apart.width, foot)).getbbox() is None, page
        is_marked = apart.crop((apart.width // 2, 0, apart.width, head)).getbbox() is not None
        assert is_marked == (page % 2 == 0), "a front is marked, a blank back is not"
    expected = [f"{BATCH}|{piece:04d}R1|{sheet}/3" for piece in (2, 3) for sheet in (1, 2, 3)]
    assert [code for code in sheet_codes(again) if code.startswith(BATCH)] == [
        f"{words}|{barcodes.check_of(words)}" for words in expected
    ]


def test_a_piece_damaged_again_becomes_r2_and_the_batch_still_goes_out_whole(give, line):
    for mark in ("R1", "R2"):
        give(f"spoiled {BATCH} 0002")
        said = give(f"reprint {BATCH} 0002 --reason jam").out
        assert f"marked {mark}" in said
        assert f"{BATCH}-{mark}-0002.pdf" in said
        assert f"{BATCH}-{mark}-0002-manifest.csv" in said
    to_mailed(give)
    assert piece_states(line)[1] == "mailed R2"


def test_after_a_paper_jam_the_rest_is_printed_again_and_old_copies_go_to_the_shredder(give):
    said = give(f"reprint {BATCH} --from 0005 --reason 'printer jam'")
    assert f"{BATCH} 0005-0006: 6 sheets to be printed again, marked R1." in said.out
    assert "Shred every older copy" in said.out
    assert f"Next: Print it, count the sheets: batch printed {BATCH} --sheets {SHEETS}." in said.out


def test_a_spoiled_piece_is_named_by_the_mark_on_it_or_by_scanning_any_of_its_sheets(give, line):
    words = f"{BATCH}|0004|2/3"
    assert give(f"spoiled {BATCH} '{words}|{barcodes.check_of(words)}' 0006R1").code == 0
    assert piece_states(line) == ["ready", "ready", "ready", "spoiled", "ready", "spoiled"]
    give(f"reprint {BATCH} 0004 0006 --reason jam")
    said = give(f"spoiled {BATCH} '{words}|{barcodes.check_of(words)}' --json")
    assert json.loads(said.out)["older_copies"] == ["0004"]
    give(f"reprint {BATCH} 0004 --reason jam")
    said = give(f"spoiled {BATCH} '{words}|{barcodes.check_of(words)}'").out
    assert "0004: this was an older copy. Its newest, 0004 R2, is spoiled with it: shred both." in said
    other = "PB-20261122-B|0004|2/3"
    refused = give(f"spoiled {BATCH} '{other}|{barcodes.check_of(other)}'")
    assert refused.code == 2
    assert f"is of PB-20261122-B, not of {BATCH}" in refused.err


@pytest.mark.parametrize(
    ("word", "told"),
    [("7", "0001-0006"), ("4-2", "Write 0002-0004"), ("four", "0118-0121"), ("0002-", "0118-0121")],
)
def test_what_is_no_piece_is_refused_with_what_would_be_one(give, line, word, told):
    refused = give(f"spoiled {BATCH} {word}")
    assert refused.code == 2
    assert told in refused.err
    assert set(piece_states(line)) == {"ready"}


def test_a_reprint_needs_a_reason_and_the_pieces_in_one_way(give):
    for command in (f"reprint {BATCH} 2", f"reprint {BATCH} 2 --reason ' '", f"reprint {BATCH} --reason jam"):
        assert give(command).code == 2, command
    assert give(f"reprint {BATCH} 2 --from 3 --reason jam").code == 2


def test_once_mailed_nothing_is_spoiled_or_printed_again_and_the_message_tells_the_way_back(give, line):
    to_mailed(give)
    for command in (f"spoiled {BATCH} 2", f"reprint {BATCH} 2 --reason jam"):
        refused = give(command)
        assert refused.code == 2
        assert f"batch returned {BATCH} PIECE" in refused.err
    assert set(piece_states(line)) == {"mailed"}


def test_who_did_what_is_kept_with_the_batch(give):
    give(f"spoiled {BATCH} 0002-0003")
    give(f"reprint {BATCH} 0002-0003 --reason 'torn by the inserter'")
    to_mailed(give)
    give(f"returned {BATCH} 0001")
    document = json.loads(give(f"show {BATCH} --json").out)
    assert [(event["event"], event["pieces"]) for event in document["history"]] == [
        ("spoiled", ["0002", "0003"]),
        ("reprinted", ["0002", "0003"]),
        ("printed", []),
        ("inserted", []),
        ("mailed", []),
        ("returned", ["0001"]),
    ]
    shown = give(f"show {BATCH}").out
    assert ": torn by the inserter" in shown
    assert "Student2x1" not in shown
    # Every time on the page is told in the line's own zone, never one beside the other.
    assert "+00:00" not in shown


# Returned ------------------------------------------------------------------------------------------------
def test_a_returned_envelope_is_booked_by_scanning_any_sheet_of_it(give, line, monkeypatch):
    to_mailed(give)
    scans = [code for code in sheet_codes(line.settings.paper_outbox / f"{BATCH}.pdf") if "|0003|" in code]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(scans) + "\n"))
    said = give("returned -")
    assert said.out.startswith(f"{BATCH} 0003 is returned: 2 scores.\n")
    assert "ask 4403 for the postal address" in said.out
    assert piece_states(line) == ["mailed", "mailed", "returned", "mailed", "mailed", "mailed"]
    assert delivery_states(line).count("returned") == 2
    assert "Mail came back from 4403" in give("list").out
    again = give(f"returned {BATCH} 0003")
    assert (again.code, again.out) == (0, f"{BATCH} 0003: booked as returned already. Nothing was changed.\n")


def test_an_envelope_whose_address_was_right_is_mailed_again(give, line):
    to_mailed(give)
    command = re.search(r"batch (returned .*--mailed-again)", give(f"returned {BATCH} 0003").out)[1]
    assert give(command).out == f"{BATCH} 0003 is mailed again: 2 scores.\n"
    assert set(delivery_states(line)) == {"delivered"}
    assert set(piece_states(line)) == {"mailed"}
    assert all_rows(line, "SELECT count(*) FROM ledger.piece WHERE returned_at IS NOT NULL") == [(0,)]
    assert "Nothing was changed" in give(command).out, "the same again is harmless"
    assert json.loads(give(f"show {BATCH} --json").out)["next"] == ""


def test_only_what_came_back_can_be_mailed_again_and_only_what_was_mailed_can_come_back(give, line):
    early = give(f"returned {BATCH} 0003")
    assert early.code == 2
    assert f"batch spoiled {BATCH} 0003" in early.err
    to_mailed(give)
    never = give(f"returned {BATCH} 0003 --mailed-again")
    assert never.code == 2
    assert "not booked as returned" in never.err
    assert set(piece_states(line)) == {"mailed"}


def test_a_misread_code_and_a_range_backwards_are_refused_before_anything_is_booked(give, line):
    to_mailed(give)
    for scan in (f"'{BATCH}|0003|1/3|0000'", f"{BATCH} 5-3", "0003"):
        assert give(f"returned {scan}").code == 2, scan
    assert set(piece_states(line)) == {"mailed"}
