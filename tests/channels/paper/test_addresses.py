"""Addresses: complete, in the window, at eight points or more, or held."""

import pytest

from distribution.channels.paper import addresses
from distribution.model import DeliveryHoldReason, PostalAddress

# The shapes of long addresses in the federal directory of institutions, with invented names.
LONG_SHAPES = [
    ("The Interdenominational Conservatory of Music and Sacred Arts of Greater Northfield-Saint Amand",),
    ("Northfield Technical and Community College District at Saint Amand-North Campus Extension Center",),
    ("Escuela Superior de Enfermería y Ciencias de la Salud Nuestra Señora de la Providencia-Recinto Norte",),
    (
        "Great Plains State University-Oklahoma Institute of Applied Technology",
        "1801 East Fourth Street, Student Services Building, Third Floor, Room 311",
    ),
    ("N Y", "1"),
]


def an_address(name: str = "Vale College", address_1: str = "1 Main Street", **changes: str) -> PostalAddress:
    values = {"city": "Saint Amand", "state": "ND", "postal_code": "58201-0001"} | changes
    return PostalAddress(name=name, address_1=address_1, attention="Office of the Registrar", **values)


@pytest.mark.parametrize("shape", LONG_SHAPES)
def test_every_complete_address_is_printed_whole_at_eight_points_or_more(shape):
    address = an_address(*shape)
    block = addresses.fit(address)
    assert addresses.fault_of(address) == ""
    assert 8.0 <= block.size <= 11.0
    assert len(block.lines) <= 7
    assert " ".join(block.lines) == " ".join(addresses.lines_of(address)), "nothing is cut"


def test_a_short_address_keeps_eleven_points():
    assert addresses.fit(an_address()).size == 11.0


@pytest.mark.parametrize("missing", ["name", "address_1", "city", "state", "postal_code"])
def test_an_incomplete_address_holds_the_delivery(missing):
    assert addresses.fault_of(an_address(**{missing: ""})) == DeliveryHoldReason.NO_ADDRESS


@pytest.mark.parametrize("code", ["1234", "ABC", "582011", "58201-001", "5820l", "٥٨٢٠١", "58201-0001-2"])
def test_a_zip_code_with_other_than_5_9_or_11_digits_holds_the_delivery(code):
    assert addresses.fault_of(an_address(postal_code=code)) == DeliveryHoldReason.NO_ADDRESS


@pytest.mark.parametrize("code", ["01234", "58201-0001", "582010001", "58201 0001", "58201000199"])
def test_a_whole_zip_code_is_printed_as_it_came_and_sorted_by_its_digits(code):
    address = an_address(postal_code=code)
    assert addresses.fault_of(address) == ""
    assert addresses.lines_of(address)[-1].endswith(code)
    assert addresses.sorting_code(address) == code.replace("-", "").replace(" ", "")


def test_a_postal_code_abroad_is_taken_as_it_is():
    address = an_address(country="GB", state="", postal_code="WC2A 2AE")
    assert addresses.fault_of(address) == ""
    assert addresses.sorting_code(address) == "WC2A 2AE"


def test_no_address_at_all_holds_the_delivery():
    assert addresses.fault_of(None) == DeliveryHoldReason.NO_ADDRESS


@pytest.mark.parametrize("name", ["A" * 60, " ".join(["Academy"] * 60)])
def test_an_unbreakable_or_endless_line_holds_the_delivery(name):
    assert addresses.fault_of(an_address(name)) == DeliveryHoldReason.ADDRESS_TOO_LONG


def test_an_address_that_no_font_covers_holds_the_delivery():
    assert addresses.fault_of(an_address("東京大学")) == DeliveryHoldReason.NO_GLYPH


@pytest.mark.parametrize(
    ("country", "postal_code", "lines"),
    [
        ("AT", "1010", ["1 Ring", "1010 WIEN", "AUSTRIA"]),
        ("GB", "WC2A 2AE", ["1 Ring", "WIEN", "WC2A 2AE", "UNITED KINGDOM"]),
        ("CH", "", ["1 Ring", "WIEN", "SWITZERLAND"]),
        ("JP", "108-8345", ["1 Ring", "108-8345", "Wien", "JAPAN"]),
        ("PR", "00901", ["1 Ring", "WIEN, PR 00901"]),
    ],
)
def test_an_address_follows_its_country_and_loses_no_field(country, postal_code, lines):
    address = PostalAddress("Uni", "", "1 Ring", "", "Wien", "", postal_code, country)
    assert addresses.fault_of(address) == ""
    assert sorted(line.upper() for line in addresses.lines_of(address)[1:]) == sorted(map(str.upper, lines))
