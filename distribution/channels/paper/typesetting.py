"""Fitting words into widths: set down, then broken over lines, never cut."""

from dataclasses import dataclass
from unicodedata import combining

from distribution.channels.paper import fonts, geometry


@dataclass(frozen=True, slots=True)
class Setting:
    """Lines of text and the size, in points, at which each is narrow enough."""

    lines: tuple[str, ...]
    size: float


def set_down(text: str, font: str, *, width: float, largest: float, smallest: float) -> Setting:
    """One line at the largest size that fits `width` (mm), or lines at the smallest, broken at spaces.

    A single word that is still too wide is broken between characters: nothing is cut.
    """
    room = geometry.pt(width)
    natural = fonts.width(text, font, 1.0)
    if natural * smallest <= room:
        return Setting((text,), min(largest, round(room / natural - 0.05, 1) if natural else largest))
    return Setting(tuple(wrap(text, font, smallest, width=width, break_words=True)), smallest)


def wrap(text: str, font: str, size: float, *, width: float, break_words: bool = False) -> list[str]:
    """The text as lines no wider than `width` (mm), broken at spaces, and inside words only when told so."""
    room = geometry.pt(width)
    lines: list[str] = []
    for word in text.split(" "):
        for part in _parts(word, font, size, room) if break_words else [word]:
            joined = f"{lines[-1]} {part}" if lines else part
            if lines and fonts.width(joined, font, size) <= room:
                lines[-1] = joined
            else:
                lines.append(part)
    return lines


def _parts(word: str, font: str, size: float, room: float) -> list[str]:
    """A word in pieces that fit, the longest first; an accent stays with its letter."""
    if fonts.width(word, font, size) <= room:
        return [word]
    parts = [""]
    for character in word:
        if parts[-1] and not combining(character) and fonts.width(parts[-1] + character, font, size) > room:
            parts.append("")
        parts[-1] += character
    return parts
