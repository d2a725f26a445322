"""The life of a batch: what the mailroom says, in order and with the right count, and what it moves."""

import csv
import re

import pypdfium2
import pytest
import zxingcpp

from distribution.channels.paper import barcodes, manifest
from distribution.channels.paper import outbox as paper_outbox
from distribution.errors import PermanentError, UsageError
from distribution.jobs import batch_life, print_batches, reprint_pieces
from distribution.jobs.piece_names import copies, listed, numbers, scanned
from distribution.jobs.wiring import Line
from distribution.ledger import accounts, invariants
from tests.support.paper import (
    BATCH,
    a_batch,
    all_rows,
    batch_state,
    delivery_states,
    outbox,
    piece_states,
    text_of,
)


def reprinted(line, *words, from_piece=None, reason="jam"):
    return reprint_pieces.reprint(line, BATCH, words=words, from_piece=from_piece, reason=reason)


def to_mailed(line, pieces=3):
    batch_life.printed(line, BATCH, sheets=pieces)
    batch_life.inserted(line, BATCH, pieces=pieces)
    return batch_life.mailed(line, BATCH, pieces=pieces)


def artefacts(line) -> int:
    with line.connect() as conn:
        return accounts.delivered_by_artefacts(conn)


# Steps and counts -------------------------------------------------------------------------------------------
def test_scores_are_delivered_when_the_batch_is_mailed_and_not_before(line):
    a_batch(line)
    batch_life.printed(line, BATCH, sheets=3)
    batch_life.inserted(line, BATCH, pieces=3)
    assert (delivery_states(line), artefacts(line)) == (["claimed"] * 3, 0)
    step = batch_life.mailed(line, BATCH, pieces=3)
    assert (step.state, step.reports, step.next) == ("mailed", 3, "")
    assert (delivery_states(line), piece_states(line)) == (["delivered"] * 3, ["mailed"] * 3)
    assert artefacts(line) == 3
    assert all_rows(line, "SELECT DISTINCT delivered_at IS NOT NULL FROM ledger.delivery") == [(True,)]
    receipt = "SELECT event, records, sha256 FROM ledger.receipt WHERE event = 'delivered'"
    assert all_rows(line, receipt) == [("delivered", 3, outbox(line)[f"{BATCH}.pdf"])]


@pytest.mark.parametrize("said", ["printed", "inserted", "mailed"])
def test_another_count_than_the_manifests_changes_nothing_and_names_both(line, said):
    a_batch(line, students=2)  # three pieces of three sheets
    unit, stated = ("sheets", 9) if said == "printed" else ("pieces", 3)
    with pytest.raises(UsageError, match=rf"has {stated} {unit} by its manifest, 8 were counted"):
        getattr(batch_life, said)(line, BATCH, **{unit: 8})
    assert batch_state(line) == "ready"


def test_steps_come_in_order_and_the_refusal_says_what_comes_first(line):
    a_batch(line)
    with pytest.raises(UsageError, match="is ready: printed comes first"):
        batch_life.mailed(line, BATCH, pieces=3)
    batch_life.printed(line, BATCH, sheets=3)
    with pytest.raises(UsageError, match="is printed: inserted comes first"):
        batch_life.mailed(line, BATCH, pieces=3)


def test_the_same_again_is_harmless_and_said(line):
    a_batch(line)
    to_mailed(line)
    before = all_rows(line, "SELECT * FROM ledger.batch"), all_rows(line, "SELECT * FROM ledger.batch_event")
    for again in (
        batch_life.printed(line, BATCH, sheets=3),
        batch_life.inserted(line, BATCH, pieces=3),
        batch_life.mailed(line, BATCH, pieces=3),
    ):
        assert (again.said_before, again.reports) == (True, 0)
    assert before == (
        all_rows(line, "SELECT * FROM ledger.batch"),
        all_rows(line, "SELECT * FROM ledger.batch_event"),
    )


def test_a_dry_run_says_what_would_happen_and_changes_nothing(line):
    a_batch(line)
    assert batch_life.printed(line, BATCH, sheets=3, dry_run=True).state == "printed"
    assert batch_life.spoiled(line, BATCH, ["1"], dry_run=True).pieces == (1,)
    found = reprint_pieces.reprint(line, BATCH, words=["1"], reason="jam", dry_run=True)
    assert found.name == "PB-20261123-A-R1-0001.pdf"
    assert (batch_state(line), piece_states(line)) == ("ready", ["ready"] * 3)
    assert found.name not in outbox(line)
    assert not all_rows(line, "SELECT * FROM ledger.batch_event")


def test_a_batch_whose_files_are_not_written_cannot_be_printed(line):
    a_batch(line)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.batch SET proved_at = NULL")
    with pytest.raises(UsageError, match="not written yet"):
        batch_life.printed(line, BATCH, sheets=3)


# Spoiled and printed again ----------------------------------------------------------------------------------
def test_a_spoiled_piece_must_be_printed_again_before_the_batch_is_mailed(line):
    a_batch(line)
    batch_life.printed(line, BATCH, sheets=3)
    batch_life.spoiled(line, BATCH, ["0002-0003"])
    batch_life.inserted(line, BATCH, pieces=3)
    with pytest.raises(UsageError, match="not printed again: 0002-0003"):
        batch_life.mailed(line, BATCH, pieces=3)
    reprinted(line, "0002-0003")
    assert piece_states(line) == ["ready", "ready R1", "ready R1"]
    assert batch_life.mailed(line, BATCH, pieces=3).reports == 3


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_pieces_are_spoiled_in_any_state_before_mailed(line, steps):
    a_batch(line)
    for step, counted in (("printed", {"sheets": 3}), ("inserted", {"pieces": 3}))[:steps]:
        getattr(batch_life, step)(line, BATCH, **counted)
    assert batch_life.spoiled(line, BATCH, ["0001", "3"]).pieces == (1, 3)
    assert batch_life.spoiled(line, BATCH, ["1-2"]).before == 1
    assert piece_states(line) == ["spoiled"] * 3


def test_nothing_is_spoiled_or_printed_again_once_the_batch_is_mailed(line):
    a_batch(line)
    to_mailed(line)
    with pytest.raises(UsageError, match="batch returned PB-20261123-A PIECE"):
        batch_life.spoiled(line, BATCH, ["1"])
    with pytest.raises(UsageError, match="is mailed"):
        reprinted(line, "1")


def test_a_reprint_is_the_same_but_for_its_mark(line):
    a_batch(line, students=2)
    found = reprinted(line, "0002")
    assert (found.name, found.sheets) == ("PB-20261123-A-R1-0002.pdf", 3)
    sheets = text_of(line.settings.paper_outbox / f"{BATCH}.pdf").split("\f")[6:12]
    again = text_of(found.path).split("\f")[:6]
    assert [re.sub(r"piece 0002\b", "piece 0002 R1", page).split() for page in sheets] == [
        page.split() for page in again
    ]
    codes = [
        found_code.text
        for page in pypdfium2.PdfDocument(found.path)
        for found_code in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())
    ]
    assert [code.split("|")[:3] for code in codes if code.startswith(BATCH)] == [
        [BATCH, "0002R1", f"{sheet}/3"] for sheet in (1, 2, 3)
    ]


def test_a_reprint_is_a_disclosure_and_leaves_a_row_in_the_access_log(line):
    a_batch(line)
    reprinted(line, "0002-0003", reason="torn by the inserter")
    disclosed = "SELECT result_id, recipient FROM ledger.disclosure WHERE artefact LIKE '%R1%' ORDER BY 1"
    assert all_rows(line, disclosed) == [("R-2-1", "4402"), ("R-3-1", "4403")]
    assert all_rows(line, "SELECT command, result_ids FROM ledger.access_log") == [
        ("reprint PB-20261123-A-R1-0002-0003.pdf", ["R-2-1", "R-3-1"])
    ]
    events = "SELECT event, pieces, reason FROM ledger.batch_event"
    assert all_rows(line, events) == [("reprinted", [2, 3], "torn by the inserter")]


def test_the_same_reprint_again_is_the_same_file_and_a_spoiled_one_the_next_mark(line):
    a_batch(line)
    first = reprinted(line, "2")
    again = reprinted(line, "2")
    assert (again.name, again.sha256, again.said_before) == (first.name, first.sha256, True)
    batch_life.spoiled(line, BATCH, ["2"])
    assert reprinted(line, "2").name == "PB-20261123-A-R2-0002.pdf"
    assert reprinted(line, "2", reason="another reason").name == "PB-20261123-A-R3-0002.pdf"
    assert piece_states(line) == ["ready", "ready R3", "ready"]


def test_a_reprint_that_another_one_came_after_is_not_handed_out_again(line):
    a_batch(line)
    reprinted(line, "2", reason="jam")
    reprinted(line, from_piece="1", reason="jam")
    assert piece_states(line) == ["ready R1", "ready R2", "ready R1"]
    again = reprinted(line, "2", reason="jam")
    assert (again.name, again.said_before) == ("PB-20261123-A-R3-0002.pdf", False)
    rest = reprinted(line, from_piece="1", reason="jam")
    assert (rest.generations, rest.said_before) == ((2, 4, 2), False)


def test_a_dry_run_leaves_a_reprint_that_was_broken_off_as_it_is(line, monkeypatch):
    a_batch(line)
    with monkeypatch.context() as broken:
        broken.setattr(paper_outbox, "place", _disk_full)
        with pytest.raises(OSError, match="no space"):
            reprinted(line, "2")
    before = outbox(line), piece_states(line)
    assert before[1] == ["ready", "spoiled R1", "ready"]
    found = reprint_pieces.reprint(line, BATCH, words=["3"], reason="jam", dry_run=True)
    assert found.name == "PB-20261123-A-R1-0003.pdf"
    assert (outbox(line), piece_states(line)) == before
    reprinted(line, "3")
    assert "PB-20261123-A-R1-0002.pdf" in outbox(line), "the next real one finishes it"
    assert piece_states(line) == ["ready", "ready R1", "ready R1"]


def _disk_full(*_given):
    raise OSError("no space")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_reprint_that_would_differ_in_more_than_its_mark_is_refused_before_anything_changes(line, dry_run):
    a_batch(line)
    before = outbox(line), piece_states(line)
    settings = line.settings.model_copy(update={"return_address": "Another House"})
    moved = Line(settings, line.url, line.now)
    with pytest.raises(PermanentError, match="would not come out as it was") as refused:
        reprint_pieces.reprint(moved, BATCH, words=["2"], reason="jam", dry_run=dry_run)
    assert refused.value.code == "not-the-same-bytes"
    assert (outbox(line), piece_states(line)) == before
    assert all_rows(line, "SELECT * FROM ledger.reprint") == []
    assert reprinted(line, "2").name == "PB-20261123-A-R1-0002.pdf"


def test_a_reprint_has_a_manifest_of_its_own_that_names_pieces_as_their_codes_do(line):
    a_batch(line, students=2)
    found = reprinted(line, "2-3")
    assert found.manifest.name == "PB-20261123-A-R1-0002-0003-manifest.csv"
    with found.manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(manifest.COLUMNS)
    with pypdfium2.PdfDocument(found.path) as document:
        for row in rows:
            page = document[int(row["first_page"]) - 1].render(scale=300 / 72).to_pil()
            (code,) = [each.text for each in zxingcpp.read_barcodes(page) if each.text.startswith(BATCH)]
            assert code.startswith(f"{row['batch']}|{row['piece']}|{row['sheet']}/{row['of']}|")
        assert [row["last_page"] for row in rows] == [str(page) for page in range(2, len(document) + 1, 2)]
    assert [(row["piece"], row["di"]) for row in rows] == [("0002R1", "4402")] * 3 + [("0003R1", "4403")] * 3
    assert {row["pdf_sha256"] for row in rows} == {outbox(line)[found.name]}


def test_an_older_copy_that_is_scanned_is_told_apart_from_the_newest(line):
    a_batch(line)
    reprinted(line, "2-3")
    codes = [barcodes.sheet_code(batch_id=BATCH, piece=2, sheet=1, of=1), "0003R1"]
    found = batch_life.spoiled(line, BATCH, codes)
    assert (found.pieces, found.older) == ((2, 3), {2: 1})
    assert batch_life.spoiled(line, BATCH, codes).older == {}, "it is spoiled already"


def test_the_rest_of_a_batch_is_printed_again_from_a_piece_on(line):
    a_batch(line)
    found = reprinted(line, from_piece="0002")
    assert (found.name, found.pieces) == ("PB-20261123-A-R1-0002-0003.pdf", (2, 3))
    with pytest.raises(UsageError, match="Name the pieces"):
        reprinted(line)
    with pytest.raises(UsageError, match=r"--from takes one piece.*--from 0002\."):
        reprinted(line, from_piece="0002-0003")


def test_the_batch_itself_is_written_again_as_it_was_whatever_was_printed_since(line):
    a_batch(line)
    before = outbox(line)[f"{BATCH}.pdf"]
    reprinted(line, "1-3")
    (line.settings.paper_outbox / f"{BATCH}.pdf").unlink()
    print_batches.render_again(line, BATCH)
    assert outbox(line)[f"{BATCH}.pdf"] == before


# Returned ---------------------------------------------------------------------------------------------------
def test_a_returned_piece_moves_its_scores_and_no_others(line):
    a_batch(line)
    to_mailed(line)
    (found,) = batch_life.returned(line, [f"{BATCH} 0002"])
    assert (found.pieces, found.institutions, found.reports) == ((2,), ("4402",), 1)
    assert delivery_states(line) == ["delivered", "returned", "delivered"]
    assert piece_states(line) == ["mailed", "returned", "mailed"]
    assert artefacts(line) == 2
    (again,) = batch_life.returned(line, [BATCH, "2"])
    assert (again.before, again.reports) == (1, 0)


def test_only_what_was_mailed_can_come_back(line):
    a_batch(line)
    with pytest.raises(UsageError, match="is ready, not mailed"):
        batch_life.returned(line, [BATCH, "2"])


def test_an_envelope_whose_address_was_right_goes_out_again(line):
    a_batch(line)
    to_mailed(line)
    batch_life.returned(line, [BATCH, "2"])
    (found,) = batch_life.mailed_again(line, [BATCH, "2"])
    assert found.reports == 1
    assert (delivery_states(line), artefacts(line)) == (["delivered"] * 3, 3)


def test_the_ledgers_rules_hold_at_the_end(line):
    a_batch(line)
    reprinted(line, "1")
    to_mailed(line)
    batch_life.returned(line, [BATCH, "2"])
    with line.connect() as conn:
        broken = [found.invariant.name for found in invariants.findings(conn) if found.broken]
    assert broken == []


# Names of pieces --------------------------------------------------------------------------------------------
def test_numbers_and_ranges_name_pieces():
    assert numbers(["0118-0121", "7"], pieces=398) == [7, 118, 119, 120, 121]
    assert listed([7, 118, 119, 120, 121]) == "0007, 0118-0121"


def test_a_code_or_a_mark_says_which_print_was_named_and_a_bare_number_does_not():
    code = barcodes.sheet_code(batch_id=BATCH, piece=118, sheet=1, of=3)
    assert copies([code, "0119R2", "0120", "0121-0123", "x"]) == {118: 0, 119: 2}
    assert copies([code, "0118r1"]) == {118: 1}


@pytest.mark.parametrize("word", ["0", "399", "0121-0118", "eleven", "", "1-", "-3"])
def test_what_is_no_piece_of_the_batch_is_refused(word):
    with pytest.raises(UsageError):
        numbers([word], pieces=398)


@pytest.mark.parametrize(
    "scan",
    [
        ["PB-20261123-A 0118"],
        ["PB-20261123-A", "0118"],
        ["PB-20261123-A-0118"],
        ["PB-20261123-A", "0118", "R1"],
        ["PB-20261123-A 0118R1"],
        ["PB-20261123-A|0118|1/3|9404", "PB-20261123-A|0118R1|1/3|D2A3"],
    ],
)
def test_a_scan_names_batch_and_piece(scan):
    assert scanned(scan) == {"PB-20261123-A": [118]}


def test_several_batches_are_scanned_in_one_go():
    assert scanned(["PB-20261123-A", "3", "1-2", "PB-20261123-AA 9"]) == {
        "PB-20261123-A": [1, 2, 3],
        "PB-20261123-AA": [9],
    }


@pytest.mark.parametrize("scan", [["0118"], ["PB-20261123-A"], ["PB-20261123-A|0118|1/3|0000"], ["x"], [""]])
def test_a_scan_that_names_no_piece_or_was_misread_is_refused(scan):
    with pytest.raises(UsageError):
        scanned(scan)
