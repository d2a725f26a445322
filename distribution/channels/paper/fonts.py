"""The two fonts of all paper: Noto Sans, kept beside this file so that a batch looks alike on every machine.

Reportlab embeds only the glyphs that a document uses. A copy in the project, not a package: another version
of the font would change the bytes of a batch that is written again.
"""

import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "NotoSans"
BOLD = "NotoSans-Bold"
ASCENT, DESCENT = 1.069, 0.293  # of the font size, both fonts (hhea table)

_FOLDER = Path(__file__).parent / "fonts"
_FILES = {REGULAR: "NotoSans-Regular.ttf", BOLD: "NotoSans-Bold.ttf"}
# Letters that need no shaping: what a font covers beyond them is no name we could set rightly.
_SET_WITHOUT_SHAPING = ("LATIN", "GREEK", "CYRILLIC")
_ABOVE = 230  # combining class of accents above
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


@cache
def register() -> None:
    """Make both fonts known to reportlab, once per process."""
    for name, file in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(_FOLDER / file)))


def printable(text: str) -> str:
    """The text as it is set: NFC, without characters that have no ink (zero-width joiners and the like)."""
    return unicodedata.normalize("NFC", text).translate(_INVISIBLE)


def width(text: str, font: str, size: float) -> float:
    """The width of a text in points."""
    register()
    return pdfmetrics.stringWidth(text, font, size)


@cache
def covered() -> frozenset[str]:
    """Every character that both fonts hold and that can be set one after the other."""
    register()
    cmaps = [set(pdfmetrics.getFont(name).face.charToGlyph) for name in _FILES]
    return frozenset(filter(_is_set_plainly, map(chr, set.intersection(*cmaps))))


def _is_set_plainly(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] == "L":
        return unicodedata.name(character, "").startswith(_SET_WITHOUT_SHAPING) or category == "Lm"
    return category[0] in "NPS" or category == "Mn" or character in "  "


def uncovered(texts: Iterable[str]) -> Collection[str]:
    """Those texts that hold a character which the fonts cannot set. Empty for none."""
    known = covered()
    unique = set(texts)
    characters = set(printable("".join(unique)))
    if known.issuperset(characters) and not any(map(unicodedata.combining, characters)):
        return frozenset()
    return frozenset(text for text in unique if not _can_be_set(printable(text), known))


def _can_be_set(text: str, known: frozenset[str]) -> bool:
    if not known.issuperset(text):
        return False
    # An accent that NFC leaves by itself sits at the height of small letters: on a capital it is a blot.
    return not any(
        unicodedata.combining(accent) == _ABOVE and not letter.islower() for letter, accent in pairwise(text)
    )
