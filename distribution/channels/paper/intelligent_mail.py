"""The USPS Intelligent Mail barcode: its digits checked field by field, then its 65 bars (USPS-B-3200).

Our own encoder: reportlab's prints a barcode id of `05` as `10` and drops digits after the twentieth, both
without a word.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import combinations

ROUTING_LENGTHS = (0, 5, 9, 11)
TRACKING_LENGTH = 20

_ZIP = re.compile(r"([0-9]{5})(?:[- ]?([0-9]{4})(?:[- ]?([0-9]{2}))?)?")

_CRC_POLYNOMIAL, _CRC_START = 0x0F35, 0x07FF
_MESSAGE_BITS, _CHARACTER_BITS = 102, 13
# USPS-B-3200, appendix D: for each bar the character (of ten) and the bit (of thirteen) that draw its
# descender and its ascender.
_DESCENDER_CHARACTERS = "71958024635897306174689251754387602549301682045967526385198740263"
_DESCENDER_BITS = "2AC5915439B5A16341A02B861C38644B0619B5373A7B82A35803CB8451307C98A"
_ASCENDER_CHARACTERS = "40263519871206482953013746892051943867124395783021409170246371958"
_ASCENDER_BITS = "308B1C8BA64C2796792840C7A907A579682C14201546C109475A269B2C675B032"
_BARS = tuple(
    tuple(int(digit, 16) for digit in bar)
    for bar in zip(_DESCENDER_CHARACTERS, _DESCENDER_BITS, _ASCENDER_CHARACTERS, _ASCENDER_BITS, strict=True)
)
_LETTERS = ("T", "D", "A", "F")  # tracker, descender, ascender, full


class WrongDigits(ValueError):
    """A field of the barcode that is not as USPS wants it; the message names the field."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """Who mails, and how: the fields that all pieces have alike. Raises WrongDigits."""

    barcode_id: str
    service_type: str
    mailer_id: str

    def __post_init__(self) -> None:
        _check_mailer(self.barcode_id, self.service_type, self.mailer_id)

    @property
    def serial_digits(self) -> int:
        """How many digits the mailer id leaves for the serial number: 9 or 6."""
        return 15 - len(self.mailer_id)

    def digits(self, *, serial: int, routing: str) -> str:
        """The 20, 25, 29 or 31 digits of a piece; a serial number beyond its digits begins again at 0."""
        last = f"{serial % 10**self.serial_digits:0{self.serial_digits}d}"
        digits = f"{self.barcode_id}{self.service_type}{self.mailer_id}{last}{routing}"
        check(digits)
        return digits


def routing_of(postal_code: str) -> str:
    """A ZIP code as routing digits: 5, 9 or 11 of them, or none when it is no ZIP code."""
    found = _ZIP.fullmatch(postal_code.strip())
    return "".join(filter(None, found.groups())) if found else ""


def check(digits: str) -> None:
    """Raise WrongDigits unless every field is as USPS wants it; the encoder would print another code."""
    if not _are_digits(digits) or len(digits) - TRACKING_LENGTH not in ROUTING_LENGTHS:
        raise WrongDigits(
            "an Intelligent Mail barcode has 20 digits and a ZIP code of 0, 5, 9 or 11 digits, "
            f"not {len(digits)} characters like these"
        )
    mailer = digits[5:14] if digits[5] == "9" else digits[5:11]
    _check_mailer(digits[:2], digits[2:5], mailer)


def _check_mailer(barcode_id: str, service_type: str, mailer_id: str) -> None:
    if not (_are_digits(barcode_id) and len(barcode_id) == 2 and barcode_id[1] in "01234"):
        raise WrongDigits(f"the barcode id is two digits, the second of them 0 to 4, not {barcode_id!r}")
    if not (_are_digits(service_type) and len(service_type) == 3):
        raise WrongDigits(f"the service type (STID) is three digits, not {service_type!r}")
    # Mailer ids of nine digits begin with 9, those of six never do.
    if not (_are_digits(mailer_id) and len(mailer_id) == (9 if mailer_id.startswith("9") else 6)):
        raise WrongDigits(f"a mailer id is six digits, or nine beginning with 9, not {mailer_id!r}")


def _are_digits(text: str) -> bool:
    return (text.isascii() and text.isdigit()) or not text


def bars(digits: str) -> str:
    """The 65 bars as letters T, D, A and F. Raises WrongDigits."""
    check(digits)
    characters = _characters(_number_of(digits[:TRACKING_LENGTH], digits[TRACKING_LENGTH:]))
    return "".join(
        _LETTERS[characters[low] >> low_bit & 1 | (characters[high] >> high_bit & 1) << 1]
        for low, low_bit, high, high_bit in _BARS
    )


def _number_of(tracking: str, routing: str) -> int:
    """All digits as one number of 102 bits."""
    shorter = sum(10**length for length in ROUTING_LENGTHS[1:] if length < len(routing))
    number = int(routing) + shorter + 1 if routing else 0
    number = (number * 10 + int(tracking[0])) * 5 + int(tracking[1])
    return number * 10**18 + int(tracking[2:])


def _characters(number: int) -> list[int]:
    """Ten characters of thirteen bits, some turned over as the check sequence says."""
    check_bits = _crc_of(number)
    number, last = divmod(number, 636)
    codewords = [last * 2]
    for _ in range(8):
        number, codeword = divmod(number, 1365)
        codewords.append(codeword)
    codewords.append(number + 659 * (check_bits >> 10))
    table = _character_table()
    return [
        table[codeword] ^ (0x1FFF if check_bits >> position & 1 else 0)
        for position, codeword in enumerate(reversed(codewords))
    ]


@cache
def _crc_steps() -> tuple[int, ...]:
    """What eight bits do to the check sequence, for each of their values."""
    return tuple(_after_bits(value << 3, 8) for value in range(256))


def _after_bits(crc: int, bits: int) -> int:
    for _ in range(bits):
        crc = (crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x400 else 0)) & 0x7FF
    return crc


def _crc_of(number: int) -> int:
    """The check sequence of eleven bits over the number's 102 (appendix C)."""
    first, *others = number.to_bytes(13, "big")
    crc = _after_bits(_CRC_START ^ first << 5, 6)
    steps = _crc_steps()
    for byte in others:
        crc = (crc << 8 & 0x7FF) ^ steps[crc >> 3 ^ byte]
    return crc


@cache
def _character_table() -> tuple[int, ...]:
    """Thirteen bits for each codeword: five of them set, then two (appendix E)."""
    return (*_characters_with(5), *_characters_with(2))


def _characters_with(bits_set: int) -> list[int]:
    """Pairs of mirrored characters from the front, those that are their own mirror from the back."""
    values = sorted(sum(1 << bit for bit in bits) for bits in combinations(range(_CHARACTER_BITS), bits_set))
    mirrored = {value: int(f"{value:0{_CHARACTER_BITS}b}"[::-1], 2) for value in values}
    pairs = [each for value in values if value < mirrored[value] for each in (value, mirrored[value])]
    alone = [value for value in reversed(values) if value == mirrored[value]]
    return pairs + alone
