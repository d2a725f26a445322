"""The two fonts of all paper: Noto Sans, kept beside this file so that a batch looks alike on every machine.

A file embeds only the glyphs that it uses. A copy in the project, not a package: another version of the font
would change the bytes of a batch that is written again. Noto Sans 2.004 (SIL Open Font License, OFL.txt)
holds every Latin, Greek and Cyrillic letter that Debian's DejaVu has, so no second face stands behind it.
"""

import unicodedata
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from distribution.channels.paper import font_subset
from distribution.channels.paper.embedding import Face

REGULAR = "NotoSans"
BOLD = "NotoSans-Bold"
ASCENT, DESCENT = 1.069, 0.293  # of the font size, both fonts (hhea table)
CAP_HEIGHT = 0.714

FOLDER = Path(__file__).parent / "fonts"
_FILES = {REGULAR: "NotoSans-Regular.ttf", BOLD: "NotoSans-Bold.ttf"}
# Letters that need no shaping: what a font covers beyond them is no name we could set rightly.
_SET_WITHOUT_SHAPING = ("LATIN", "GREEK", "CYRILLIC")
# NFC leaves some accents by themselves. They are drawn where the font's zero-width glyphs lie, not where its
# anchors (GPOS) would move them: within a tenth of the size of each other for these letters of real names
# (Yoruba, Ewe, Lithuanian, Guarani, Russian stress), far beside or into the letter for most others.
_STANDS_WELL = {
    "\u0300": "ọẹɔəŋ",
    "\u0301": "ọẹɔɛəŋąęų" + "аеоуэяє",
    "\u0303": "gɔəąęų",
}
_ACCENTS = frozenset(_STANDS_WELL)
_ACCENTED = frozenset(letter + accent for accent, letters in _STANDS_WELL.items() for letter in letters)
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_MOST_CODE = 0xFFFF  # a character's code in our files is its UTF-16 unit


def faces() -> dict[str, Face]:
    """Both faces for one document, nothing used yet."""
    return {name: Face(name, FOLDER / file) for name, file in _FILES.items()}


@cache
def _advances(font: str) -> dict[str, float]:
    """The width of every character of a font, of the font size."""
    source = font_subset.read(FOLDER / _FILES[font])
    return {character: source.widths[glyph] / 1000 for character, glyph in source.glyph_of.items()}


def printable(text: str) -> str:
    """The text as it is set: NFC, without characters that have no ink (zero-width joiners and the like)."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).translate(_INVISIBLE)


def width(text: str, font: str, size: float) -> float:
    """The width of a text in points. Raises KeyError for a character that the font lacks."""
    return _natural(text, font) * size


@lru_cache(maxsize=1 << 14)
def _natural(text: str, font: str) -> float:
    return sum(map(_advances(font).__getitem__, text))


@cache
def covered() -> frozenset[str]:
    """Every character that both fonts hold and that can be set one after the other."""
    held = set.intersection(*(set(_advances(name)) for name in _FILES))
    return frozenset(filter(_is_set_plainly, held))


def _is_set_plainly(character: str) -> bool:
    if ord(character) > _MOST_CODE:
        return False
    category = unicodedata.category(character)
    if category[0] == "L":
        return unicodedata.name(character, "").startswith(_SET_WITHOUT_SHAPING) or category == "Lm"
    return category[0] in "NPS" or character in _ACCENTS or character in "  "


def uncovered(texts: Iterable[str]) -> Collection[str]:
    """Those texts that hold a character, or an accent on a letter, that cannot be set. Empty for none."""
    known = covered()
    unique = set(texts)
    # Parted, or an accent that begins one text would join the letter that ends another.
    characters = set(printable(" ".join(unique)))
    if known.issuperset(characters) and _ACCENTS.isdisjoint(characters):
        return frozenset()
    return frozenset(text for text in unique if not _can_be_set(printable(text), known))


def _can_be_set(text: str, known: frozenset[str]) -> bool:
    if not known.issuperset(text):
        return False
    return _ACCENTS.isdisjoint(text) or all(
        letter + accent in _ACCENTED for letter, accent in pairwise(f" {text}") if accent in _ACCENTS
    )
