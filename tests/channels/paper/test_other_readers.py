"""Every kind of file for the mailroom, before other people's readers and a checker of PDF/A."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pdf_oxide
import pytest

from distribution.channels.paper import calibration, cover_sheet, edge_cases, geometry, print_batch, proof
from tests.support.paper_reading import assert_clean

CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
CASES = {case.name: case for case in edge_cases.edge_cases()}


def a_piece(name: str, *, generation: int = 0) -> bytes:
    case = CASES[name]
    pieces = tuple(replace(piece, generation=generation) for piece in case.pieces)
    return proof.print_case(replace(case, pieces=pieces))[1].pdf


def a_cover() -> bytes:
    ticket = print_batch.Ticket(
        "PB-20261123-A", "nightly-1", date(2026, 11, 23), CREATED, geometry.FLAT, 6, international=False
    )  # fmt: skip
    counts = cover_sheet.Counts(398, 2388, 4776, "00501", "99929-0110")
    told = cover_sheet.Instructions("PB-20261123-A.pdf", "c0" * 32, CREATED, "Mon 23 Nov", "ops@example.org")
    return cover_sheet.cover_sheet(ticket, counts, told)


FILES = {
    "a piece": lambda: a_piece("one-student"),
    "a long name": lambda: a_piece("sixty-character-name"),
    "corrections": lambda: a_piece("all-corrections"),
    "a reprint": lambda: a_piece("three-students", generation=1),
    "a cover sheet": a_cover,
    "a calibration page": lambda: calibration.calibration_page(geometry.LETTER, created_at=CREATED),
    "another one": lambda: calibration.calibration_page(geometry.FLAT, created_at=CREATED),
}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "file.pdf"
    path.write_bytes(FILES[request.param]())
    return path


def faults(path: Path) -> list[str]:
    """What pdf-oxide has against a file as PDF/A-2b; its own gaps it tells as warnings."""
    found = pdf_oxide.PdfDocument(str(path)).validate_pdf_a("2b")
    assert found["valid"] is not bool(found["errors"])
    return found["errors"]


def test_three_other_readers_take_it_without_a_word(file):
    assert_clean(file)


def test_a_checker_finds_nothing_that_pdf_a_2b_forbids(file):
    assert faults(file) == []


@pytest.mark.parametrize(
    ("kept", "spoilt", "said"),
    [
        (b"/OutputIntents", b"/OutputIntentz", "without /OutputIntents"),
        (b"/FontFile2", b"/FontFileX", "has no embedded"),
        (b"/Metadata", b"/Metadatx", "missing XMP metadata"),
        (b"pdfaid:part", b"pdfaxx:part", "missing pdfaid:part"),
        (b"/PageMode /UseOutlines", b"/OpenAction <</S /JavaScript /JS (0)>>", "JavaScript"),
    ],
)
def test_the_checker_sees_what_is_spoilt(tmp_path, kept, spoilt, said):
    (tmp_path / "file.pdf").write_bytes(FILES["a piece"]())
    plain = ["qpdf", "--qdf", "--object-streams=disable", "file.pdf", "plain.pdf"]
    subprocess.run(plain, cwd=tmp_path, check=True)
    changed = (tmp_path / "plain.pdf").read_bytes()
    assert kept in changed
    (tmp_path / "spoilt.pdf").write_bytes(re.sub(re.escape(kept), spoilt, changed))
    subprocess.run(["qpdf", "spoilt.pdf", "mended.pdf"], cwd=tmp_path, capture_output=True)  # its places
    assert any(said in fault for fault in faults(tmp_path / "mended.pdf"))
