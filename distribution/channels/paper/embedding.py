"""The faces as a PDF carries them: only the glyphs that are used, each under its own character's code."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from distribution.channels.paper import font_subset

_MOST_RANGES = 100  # entries in a block of a ToUnicode map (PDF 32000-1, 9.10.3)
_STEMS = {"Regular": 88, "Bold": 160}


@dataclass(frozen=True, slots=True)
class Face:
    """A font file and the characters that one document sets in it; `used` grows while it is drawn."""

    name: str
    path: Path
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Program:
    """A subset as PDF wants it; lengths in thousandths of the font size."""

    tag: str
    font_file: bytes
    glyph_of_code: bytes
    unicode_of_code: bytes
    widths: str
    box: tuple[int, int, int, int]
    ascent: int
    descent: int
    cap_height: int
    stem: int


def subset(face: Face) -> Program:
    """The glyphs of the used characters. Raises KeyError for a character that the font lacks."""
    source = font_subset.read(face.path)
    characters = sorted(face.used)
    glyphs = [source.glyph_of[character] for character in characters]
    font_file, numbers = font_subset.cut(source, glyphs)
    codes = bytearray(2 * (max(map(ord, characters), default=0) + 1))
    for character, glyph in zip(characters, glyphs, strict=True):
        codes[2 * ord(character) : 2 * ord(character) + 2] = numbers[glyph].to_bytes(2, "big")
    widths = zip(characters, glyphs, strict=True)
    return Program(
        tag=_tag(characters),
        font_file=font_file,
        glyph_of_code=bytes(codes),
        unicode_of_code=_unicode_map(characters),
        widths=" ".join(f"{ord(character)}[{source.widths[glyph]}]" for character, glyph in widths),
        box=source.box,
        ascent=source.ascent,
        descent=source.descent,
        cap_height=source.cap_height,
        stem=_STEMS["Bold" if "Bold" in face.name else "Regular"],
    )


def _tag(characters: Iterable[str]) -> str:
    """Six capitals that name the subset (PDF 32000-1, 9.6.4): the same for the same characters."""
    number = 0
    for character in characters:
        number = (number * 31 + ord(character)) % 26**6
    letters = []
    for _ in range(6):
        number, letter = divmod(number, 26)
        letters.append(chr(ord("A") + letter))
    return "".join(letters)


def _unicode_map(characters: list[str]) -> bytes:
    """The map from codes to characters: each to itself."""
    blocks = []
    for first in range(0, len(characters), _MOST_RANGES):
        block = characters[first : first + _MOST_RANGES]
        rows = "\n".join(f"<{ord(character):04X}> <{ord(character):04X}>" for character in block)
        blocks.append(f"{len(block)} beginbfchar\n{rows}\nendbfchar")
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange",
            *blocks,
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end\nend",
        )
    ).encode("ascii")
