"""The faces as a PDF carries them: only the glyphs that are used, each under its own character's code."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fontTools import subset as font_subset
from fontTools.ttLib import TTFont

_CODES = 0x10000
_MOST_RANGES = 100  # entries in a block of a ToUnicode map (PDF 32000-1, 9.10.3)
_KEPT_TABLES = frozenset({"head", "hhea", "maxp", "hmtx", "loca", "glyf", "cvt ", "fpgm", "prep"})
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
    font = TTFont(face.path, lazy=True, recalcTimestamp=False)
    names = font.getBestCmap()
    characters = sorted(face.used)
    glyphs = [names[ord(character)] for character in characters]
    head, lines, metrics = font["head"], font["hhea"], font["hmtx"].metrics
    scale = 1000 / head.unitsPerEm
    measured = [round(metrics[glyph][0] * scale) for glyph in glyphs]
    described = Program(
        tag=_tag(characters),
        font_file=b"",
        glyph_of_code=b"",
        unicode_of_code=_unicode_map(characters),
        widths=" ".join(f"{ord(each)}[{width}]" for each, width in zip(characters, measured, strict=True)),
        box=tuple(round(value * scale) for value in (head.xMin, head.yMin, head.xMax, head.yMax)),
        ascent=round(lines.ascent * scale),
        descent=round(lines.descent * scale),
        cap_height=round(font["OS/2"].sCapHeight * scale),
        stem=_STEMS["Bold" if "Bold" in face.name else "Regular"],
    )
    return _with_files(described, font, characters, glyphs)


def _with_files(described: Program, font: TTFont, characters: list[str], glyphs: list[str]) -> Program:
    options = font_subset.Options(
        notdef_outline=True, layout_closure=False, glyph_names=False, recalc_timestamp=False, hinting=True
    )
    options.drop_tables = [tag for tag in font.keys() if tag not in _KEPT_TABLES]  # noqa: SIM118 - no mapping
    subsetter = font_subset.Subsetter(options)
    subsetter.populate(glyphs=glyphs)
    subsetter.subset(font)
    target = io.BytesIO()
    order = {glyph: number for number, glyph in enumerate(font.getGlyphOrder())}
    font.save(target, reorderTables=None)
    codes = bytearray(2 * _CODES)
    for character, glyph in zip(characters, glyphs, strict=True):
        codes[2 * ord(character) : 2 * ord(character) + 2] = order[glyph].to_bytes(2, "big")
    last = 2 * (max(map(ord, characters), default=0) + 1)
    return Program(
        **{
            **{name: getattr(described, name) for name in Program.__slots__},
            "font_file": target.getvalue(),
            "glyph_of_code": bytes(codes[:last]),
        }
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
