"""The job ticket: what the mailroom counts, and no student's data."""

import subprocess
from datetime import UTC, date, datetime

import pypdfium2
import pytest
import zxingcpp

from distribution.channels.paper import cover_sheet, geometry, print_batch

CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def a_cover(
    *, stock: geometry.Stock = geometry.LETTER, sheets: int = 3, international: bool = False
) -> bytes:
    ticket = print_batch.Ticket(
        "PB-20261123-A", "nightly-1", date(2026, 11, 23), CREATED, stock, sheets, international, 1, 3
    )
    counts = cover_sheet.Counts(398, 398 * sheets, 796 * sheets, "00501", "99929-0110")
    told = cover_sheet.Instructions(
        "PB-20261123-A.pdf",
        "1c9e4f07" + "0" * 48 + "cafe88ab",
        datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
        "Mon 23 Nov",
        "ops@example.org",
    )
    return cover_sheet.cover_sheet(ticket, counts, told)


def text_of(pdf: bytes, folder) -> str:
    (folder / "cover.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", "cover.pdf", "-"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout.decode()


def test_the_ticket_gives_counts_order_postage_and_the_day_to_mail(tmp_path):
    text = text_of(a_cover(), tmp_path)
    for words in (
        "398",
        "1,194",
        "0001–0398",
        "1 of 3",
        "2,388 on 1,194 sheets",
        "Mail by Tuesday 24 November 2026, 15:00",
        "ZIP 00501 to 99929-0110, in ZIP order",
        "First-Class, 1 oz: 398",
        "C-fold, address out",
        "1c9e4f07 … cafe88ab",
    ):
        assert words in text
    assert "presorted" not in text


def test_the_ticket_says_where_a_damaged_piece_goes_and_what_takes_its_place(tmp_path):
    said = " ".join(text_of(a_cover(), tmp_path).split())
    for words in (
        "Never photocopy or mend a score report.",
        "All its sheets and its envelope go into the locked shredding bin.",
        "under the same number and marked “R1”",
        "Counts differ from 398? Stop and write to Operations, ops@example.org, before the carrier leaves.",
    ):
        assert words in said


def test_flats_abroad_are_told_apart(tmp_path):
    text = text_of(a_cover(stock=geometry.FLAT, sheets=10, international=True), tmp_path)
    assert "international, 9 × 12 flat" in text
    assert "First-Class International, 3 oz: 398" in text
    assert "By country, then postal code" in text


@pytest.mark.parametrize(("sheets", "ounces"), [(1, 1), (3, 1), (4, 1), (5, 2)])
def test_weight_steps_count_sheets_of_24_pounds_and_the_envelope(sheets, ounces):
    assert cover_sheet.weight_steps(geometry.LETTER, [sheets] * 4) == {ounces: 4}


def test_a_full_flat_stays_within_what_first_class_takes():
    assert max(cover_sheet.weight_steps(geometry.FLAT, [geometry.FLAT.most_sheets])) <= 13


def test_both_codes_are_read_by_a_scanner():
    page = pypdfium2.PdfDocument(a_cover())[0].render(scale=3).to_pil()
    texts = {code.text for code in zxingcpp.read_barcodes(page)}
    assert texts == {"PB-20261123-A", "PB-20261123-A|398|1194|1c9e4f0700000000"}


def test_the_same_batch_gives_the_same_cover():
    assert a_cover() == a_cover()
