"""The Intelligent Mail barcode: published vectors, every bad digit refused, its bars measured on the page."""

import random
from datetime import UTC, datetime

import numpy as np
import pypdfium2
import pytest
from reportlab.graphics.barcode.usps4s import USPS_4State

from distribution.channels.paper import barcodes, intelligent_mail
from distribution.channels.paper.intelligent_mail import Mailer, WrongDigits
from distribution.channels.paper.pen import Pen
from tests.support.bars import bars_on

TRACKING = "01234567094987654321"
# USPS-B-3200, appendix F.
PUBLISHED = {
    "": "ATTFATTDTTADTAATTDTDTATTDAFDDFADFDFTFFFFFTATFAAAATDFFTDAADFTFDTDT",
    "01234": "DTTAFADDTTFTDTFTFDTDDADADAFADFATDDFTAAAFDTTADFAAATDFDTDFADDDTDFFT",
    "012345678": "ADFTTAFDTTTTFATTADTAAATFTFTATDAAAFDDADATATDTDTTDFDTDATADADTDFFTFA",
    "01234567891": "AADTFFDFTDADTAADAATFDTDDAAADDTDTTDAFADADDDTFFFDDTTTADFAAADFTDAADA",
}
DPI = 600


@pytest.mark.parametrize("routing", PUBLISHED)
def test_the_published_vectors(routing):
    assert intelligent_mail.bars(TRACKING + routing) == PUBLISHED[routing]


def test_ten_thousand_codes_agree_with_another_encoder():
    chance = random.Random(7)
    for _ in range(10_000):
        digits = a_code(chance)
        assert intelligent_mail.bars(digits) == USPS_4State(digits[:20], digits[20:]).barcodes


def a_code(chance: random.Random) -> str:
    """Digits that USPS would take."""
    mailer = chance.choice([f"{chance.randrange(900_000):06d}", f"9{chance.randrange(10**8):08d}"])
    routing = "".join(chance.choices("0123456789", k=chance.choice(intelligent_mail.ROUTING_LENGTHS)))
    maker = Mailer(f"{chance.randrange(10)}{chance.randrange(5)}", f"{chance.randrange(1000):03d}", mailer)
    return maker.digits(serial=chance.randrange(10**9), routing=routing)


@pytest.mark.parametrize("second", "56789")
def test_a_second_digit_above_four_is_refused(second):
    with pytest.raises(WrongDigits, match="0 to 4"):
        intelligent_mail.bars(f"0{second}{TRACKING[2:]}")


@pytest.mark.parametrize("place", range(31))
@pytest.mark.parametrize("character", ["x", " ", "-", "٣", "²", ""])
def test_no_character_but_a_digit_is_taken_at_any_place(place, character):
    digits = TRACKING + "01234567891"
    with pytest.raises(WrongDigits):
        intelligent_mail.bars(digits[:place] + character + digits[place + 1 :])


@pytest.mark.parametrize("length", [length for length in range(40) if length not in (20, 25, 29, 31)])
def test_no_other_number_of_digits_is_taken(length):
    with pytest.raises(WrongDigits, match="20 digits"):
        intelligent_mail.bars((TRACKING + "0" * 20)[:length])


@pytest.mark.parametrize(
    ("barcode_id", "service_type", "mailer_id", "told"),
    [
        ("05", "300", "123456", "barcode id"),
        ("0", "300", "123456", "barcode id"),
        ("00", "30", "123456", "service type"),
        ("00", "3000", "123456", "service type"),
        ("00", "300", "12345", "mailer id"),
        ("00", "300", "1234567", "mailer id"),
        ("00", "300", "123456789", "mailer id"),
        ("00", "300", "912345", "mailer id"),
        ("00", "300", "", "mailer id"),
        ("", "300", "123456", "barcode id"),
    ],
)
def test_a_wrong_field_is_named(barcode_id, service_type, mailer_id, told):
    with pytest.raises(WrongDigits, match=told):
        Mailer(barcode_id, service_type, mailer_id)


@pytest.mark.parametrize(
    ("mailer_id", "serial", "digits"),
    [
        ("123456", 7, "00300123456000000007"),
        ("912345678", 7, "00300912345678000007"),
        ("912345678", 2_000_007, "00300912345678000007"),
    ],
)
def test_the_serial_number_fills_what_the_mailer_id_leaves(mailer_id, serial, digits):
    assert Mailer("00", "300", mailer_id).digits(serial=serial, routing="") == digits


@pytest.mark.parametrize(
    ("postal_code", "routing"),
    [("50613-0001", "506130001"), ("50613", "50613"), ("", ""), ("5061", ""), ("1010 AB", ""), ("A1A1A", "")],
)
def test_a_zip_code_becomes_routing_digits(postal_code, routing):
    assert intelligent_mail.routing_of(postal_code) == routing


def test_the_bars_of_twenty_codes_are_read_back_from_the_page():
    chance = random.Random(11)
    codes = [a_code(chance) for _ in range(20)]
    pen = Pen(title="Bars", subject="Bars", author="Tests", created_at=datetime(2026, 11, 24, tzinfo=UTC))
    for row, digits in enumerate(codes):
        barcodes.draw_intelligent_mail(pen, digits, left=30.0, top=20.0 + 10.0 * row)
    pen.turn_page()
    image = pypdfium2.PdfDocument(pen.close())[0].render(scale=DPI / 72).to_pil().convert("L")
    black = np.asarray(image) < 128
    for row, digits in enumerate(codes):
        assert bars_on(black, left=30.0, top=20.0 + 10.0 * row, dpi=DPI) == intelligent_mail.bars(digits)
