"""The twelve edge cases: clear of the window, readable, and alike to their reference pictures.

A change of words or design changes the pictures on purpose: `python -m distribution batch proof --out DIR`,
look at the pictures, and copy them to tests/data/paper.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from distribution.channels.paper import (
    addresses,
    calibration,
    edge_cases,
    fonts,
    geometry,
    intelligent_mail,
    letterhead,
    proof,
)
from distribution.jobs import proof_pieces
from tests.support.paper_reading import text_of

REFERENCES = Path(__file__).resolve().parents[2] / "data" / "paper"
CASES = {case.name: case for case in edge_cases.edge_cases()}


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, proof_pieces.ProvedCase]:
    """The whole proof, compared with the pictures on file."""
    folder = tmp_path_factory.mktemp("proof")
    return {case.name: case for case in proof_pieces.write_proof(folder, against=REFERENCES)}


def test_there_are_twelve_cases_and_a_calibration_page_for_each_envelope(proved):
    assert len(proved) == 12
    folder = next(iter(proved.values())).pdf.parent
    assert {path.name for path in folder.glob("calibration-*.pdf")} == {
        f"calibration-{stock}.pdf" for stock in geometry.StockName
    }


def test_every_case_looks_as_its_reference_pictures(proved):
    differing = [str(path) for case in proved.values() for path in case.differing]
    assert not differing, "look at these pictures of what differs"
    assert sum(path.stat().st_size for path in REFERENCES.iterdir()) < 1_000_000


def test_each_address_stands_an_eighth_of_an_inch_clear_of_the_window(proved):
    for case in proved.values():
        assert case.clear.least >= geometry.CLEARANCE, case.name


def test_barcode_above_the_address_keeps_the_clearances_of_usps(proved):
    for case in CASES.values():
        piece = case.pieces[0]
        if not piece.imb:
            continue
        stock, printed = proof.print_case(case)
        seen = stock.window_on_paper()
        slide = stock.width - geometry.PAGE_WIDTH
        assert geometry.IMB_TOP - seen.top >= geometry.IMB_CLEARANCE
        assert geometry.IMB_LEFT - seen.left >= geometry.CLEARANCE
        assert seen.right - slide - geometry.IMB_LEFT - geometry.IMB_WIDTH >= geometry.CLEARANCE
        measured = proof.picture(printed.pdf, 0, dpi=proof.MEASURED_DPI)
        clear = proof.clearance(measured, stock, below_imb=True)
        below = seen.top + clear.top - geometry.IMB_TOP - geometry.IMB_HEIGHT
        assert geometry.IMB_CLEARANCE <= below <= 0.625 * geometry.INCH
        intelligent_mail.check(piece.imb)


def test_cases_are_what_their_names_say(proved):
    pages = {case.name: case.pages for case in proved.values()}
    counted = [sum(len(piece.students) for piece in CASES[name].pieces) for name in
               ("one-student", "three-students", "four-students", "four-hundred-students")]  # fmt: skip
    assert counted == [1, 3, 4, 400]
    assert len(addresses.fit(CASES["seven-line-address"].pieces[0].address).lines) == 7
    assert addresses.fit(CASES["longest-lines"].pieces[0].address).size == addresses.SMALLEST_PT
    name = CASES["sixty-character-name"].pieces[0].students[0].name
    assert len(name.split(",")[0]) == 60
    assert pages["11-many-scores"] > 2
    texts = [text_of(case.pdf) for case in proved.values() if case.pages < 100]
    assert sum("Corrected report — replaces" in text for text in texts) == 2
    assert sum("Score cancelled" in text for text in texts) == 1
    assert sum("Exam with essays" in text for text in texts) == 1


def test_no_case_needs_a_glyph_that_is_not_there():
    students = [student for case in CASES.values() for piece in case.pieces for student in piece.students]
    assert not fonts.uncovered([student.name for student in students])


def test_a_difference_is_shown_and_a_missing_reference_is_one(tmp_path):
    picture = Image.new("L", (20, 20), 255)
    picture.save(tmp_path / "white.png")
    assert proof.difference_to(picture, tmp_path / "white.png") is None
    changed = picture.copy()
    changed.putpixel((3, 4), 0)
    shown = proof.difference_to(changed, tmp_path / "white.png")
    assert shown.getpixel((3, 4)) == 0
    assert shown.getpixel((0, 0)) == 255
    assert proof.difference_to(picture, tmp_path / "none.png") is not None


def test_an_address_out_of_its_place_is_measured_as_such(monkeypatch):
    monkeypatch.setattr(geometry, "ADDRESS_LEFT", geometry.ADDRESS_LEFT - 2.0)
    case = replace(CASES["foreign-address"])
    stock, printed = proof.print_case(case)
    measured = proof.picture(printed.pdf, 0, dpi=proof.MEASURED_DPI)
    assert proof.clearance(measured, stock, below_imb=False).least < geometry.CLEARANCE


WIDEST = (
    "College-Level Examination Program Score Reporting",
    "Department of Transcripts and Score Reporting Services, Building 1200",
    "A" * 50,
)


def test_three_lines_of_return_address_stand_clear_of_every_window_and_a_fourth_does_not():
    assert letterhead.fault_of(WIDEST) == ""
    for name, case in CASES.items():
        stock, printed = proof.print_case(case, return_address=WIDEST)
        measured = proof.picture(printed.pdf, 0, dpi=proof.MEASURED_DPI)
        clear = proof.clearance(measured, stock, below_imb=bool(case.pieces[0].imb))
        assert clear.least >= geometry.CLEARANCE, name
    stock, printed = proof.print_case(CASES["four-students"], return_address=[*WIDEST, "Anytown", "NY"])
    measured = proof.picture(printed.pdf, 0, dpi=proof.MEASURED_DPI)
    assert proof.clearance(measured, stock, below_imb=False).least < geometry.CLEARANCE


def test_the_widest_return_address_ends_before_the_sheets_own_number():
    ids = {"PB-20261123-AAA": fonts.BOLD, "piece 9999 R99": fonts.REGULAR, "sheet 60 of 60": fonts.REGULAR}
    widest = max(fonts.width(words, font, 7.5) for words, font in ids.items()) / geometry.MM
    assert geometry.CODE_LEFT - 3.0 - widest > geometry.LEFT + geometry.RETURN_WIDTH + 4.0


def test_a_proof_carries_the_return_address_that_it_is_given(tmp_path):
    case = next(proof_pieces.write_proof(tmp_path, return_address=["Another House", "1 Side Street"]))
    assert "Another House" in text_of(case.pdf)
    assert "PO Box 0000" not in text_of(case.pdf)


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ("A|B|C|D", "has 4 lines"),
        (" | |", "has no line"),
        ("House|京都", "line 2 that the fonts cannot set"),
        ("House|" + "Wide Street " * 12, "mm wide in line 2"),
        ("W" * 60, "mm wide in line 1"),
    ],
)
def test_a_return_address_that_cannot_be_printed_says_why(stated, fault):
    assert fault in letterhead.fault_of(letterhead.lines_of(stated))


def test_empty_lines_and_blanks_of_a_return_address_are_left_out():
    assert letterhead.lines_of(" House | |PO  Box 1|") == ("House", "PO Box 1")


def test_the_calibration_page_carries_a_line_of_100_millimetres():
    pdf = calibration.calibration_page(geometry.LETTER, created_at=proof_pieces._FROZEN)
    dots = 300 / geometry.INCH
    dark = np.asarray(proof.picture(pdf, 0, dpi=300)) < 128
    ruler = dark[round((calibration.RULER_Y - 1.0) * dots), round(80 * dots) :]
    ticks = np.flatnonzero(ruler)
    assert (ticks[-1] - ticks[0]) / dots == pytest.approx(100.0, abs=0.5)
    assert calibration.calibration_page(geometry.LETTER, created_at=proof_pieces._FROZEN) == pdf


def test_the_codes_of_a_case_are_read_from_its_picture(proved):
    picture = proof.picture(proved["01-one-student"].pdf.read_bytes(), 0, dpi=300)
    (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.DataMatrix)
    assert code.text.startswith("PROOF|0001|1/1|")
