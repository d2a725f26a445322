"""Accents that stand by themselves: set where the fonts' own anchors put them, or not set at all."""

import unicodedata

import pytest
from fontTools.ttLib import TTFont

from distribution.channels.paper import fonts, typesetting

NEAR = 0.09  # of the size: at the 17 points of a name's head half a millimetre
FILES = ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf")


def anchored(font: TTFont, letter: str, accent: str) -> tuple[float, float] | None:
    """How far right of and above its anchor an accent is drawn, of the size; None without an anchor."""
    names, size = font.getBestCmap(), font["head"].unitsPerEm
    base, mark = names[ord(letter)], names[ord(accent)]
    found = None
    for table in mark_to_base(font):
        if base in table.BaseCoverage.glyphs and mark in table.MarkCoverage.glyphs:
            lies = table.MarkArray.MarkRecord[table.MarkCoverage.glyphs.index(mark)]
            anchors = table.BaseArray.BaseRecord[table.BaseCoverage.glyphs.index(base)].BaseAnchor
            wanted = anchors[lies.Class]
            if wanted is not None:
                right = font["hmtx"][base][0] + lies.MarkAnchor.XCoordinate - wanted.XCoordinate
                above = lies.MarkAnchor.YCoordinate - wanted.YCoordinate
                found = right / size, above / size
    return found


def mark_to_base(font: TTFont) -> list:
    """The tables of OpenType's `mark` feature (GPOS, lookup type 4)."""
    table = font["GPOS"].table
    records = table.FeatureList.FeatureRecord
    numbers = sorted(
        {n for record in records if record.FeatureTag == "mark" for n in record.Feature.LookupListIndex}
    )
    parts = [part for number in numbers for part in table.LookupList.Lookup[number].SubTable]
    parts = [getattr(part, "ExtSubTable", part) for part in parts]
    return [part for part in parts if part.LookupType == 4]


@pytest.mark.parametrize("file", FILES)
def test_every_accent_that_is_set_stands_where_the_font_wants_it(file):
    font = TTFont(fonts.FOLDER / file)
    for accented in fonts._ACCENTED:
        letter, accent = accented
        assert unicodedata.normalize("NFC", accented) == accented, "else it has a glyph of its own"
        right, above = anchored(font, letter, accent)
        assert (abs(right) <= NEAR, above) == (True, 0), f"{accented} {right:+.3f} {above:+.3f}"


@pytest.mark.parametrize(
    "name",
    [
        "n̈ame", "Pew̌", "á̀", "J̱ones", "W̱olf", "e̩", "x̵", "Ọ́lá", "G̃", "M̂ba", "n̄a", "m̧", "i̇pek", "l̃", "ы́", "ǹ̩",
        "Vale\u034f", "о҃", "\u0301Ada", "A \u0301da", "A-\u0301da", "ọ́́",
    ],
)  # fmt: skip
def test_an_accent_that_would_stand_beside_its_letter_is_not_set(name):
    assert name in fonts.uncovered([name, "Smith"])


@pytest.mark.parametrize(
    "name",
    [
        "Nguyễn Thị Ngọc Ánh", "Bọ́lá Kẹ́hìndé ọ̀ṣun ẹ̀wà", "Žemaitė Jūratė Ąžuolas Įgulė",
        "Jerovia Mag̃a", "Ива́н Серге́евич Щёголев Ѓорѓи", "Ğüneş İpek", "Ŵyn", "Ђорђевић", "Αλέξανδρος Ϊ",
        "Kɔ́ku", "Dvořák", "Ōtā",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_real_languages_are_set_however_they_come(name, form):
    assert not fonts.uncovered([unicodedata.normalize(form, name)])


def test_an_accent_at_the_beginning_is_seen_whatever_name_stands_before_it():
    texts = [*"abcdefgopuyxz", "\u0301da"]
    assert fonts.uncovered(texts) == {"\u0301da"}


def test_a_word_is_never_broken_between_a_letter_and_its_accent():
    word = "ọ́" * 40
    lines = typesetting.wrap(word, fonts.REGULAR, 10, width=20, break_words=True)
    assert "".join(lines) == word
    assert not any(unicodedata.combining(line[0]) for line in lines)
