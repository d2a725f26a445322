"""What PDF/A-2b (ISO 19005-2) asks of a file, clause by clause, read with other people's readers.

The one checker of PDF/A that is to be had (test_other_readers.py) lets much pass: these are the rules that
concern files like ours.
"""

import re
import subprocess
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont
from PIL import ImageCms

from distribution.channels.paper import colour, edge_cases, font_subset, fonts, proof

CASE = edge_cases.edge_cases()[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A batch's file with nothing compressed, as qpdf writes it out."""
    folder = tmp_path_factory.mktemp("pdf")
    (folder / "in.pdf").write_bytes(proof.print_case(CASE)[1].pdf)
    command = ["qpdf", "--qdf", "--object-streams=disable", "--no-original-object-ids", "in.pdf", "out.pdf"]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "out.pdf").read_bytes().decode("latin-1")


def test_head_and_trailer_are_as_the_standard_wants_them():
    pdf = proof.print_case(CASE)[1].pdf
    assert re.match(rb"%PDF-1\.7\n%[\x80-\xff]{4}\n", pdf)
    assert pdf.endswith(b"%%EOF\n")
    assert re.search(rb"/ID\[<([0-9A-F]{32})><\1>\]", pdf)
    assert b"/Encrypt" not in pdf


def test_nothing_stands_in_it_that_the_standard_forbids(plain):
    for forbidden in (
        "/JavaScript",
        "/Launch",
        "/LZWDecode",
        "/SMask",
        "/EmbeddedFile",
        "/AA",
        "/OpenAction",
        "/TR ",
    ):
        assert forbidden not in plain
    assert not re.search(r"/(CA|ca|BM) ", plain), "no transparency"


def test_metadata_say_part_2_level_b_and_agree_with_the_information_dictionary(plain):
    metadata = plain[plain.index("<?xpacket begin") : plain.index('<?xpacket end="w"?>')]
    for words in (
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        '<rdf:li xml:lang="x-default">PROOF</rdf:li>',
        "<xmp:CreateDate>2026-11-24T03:00:00+00:00</xmp:CreateDate>",
        "<pdf:Producer>score-distribution</pdf:Producer>",
        "<rdf:li>en-US</rdf:li>",
    ):
        assert words in metadata
    for entry in (
        "/Title (PROOF)",
        "/Producer (score-distribution)",
        "/CreationDate (D:20261124030000+00'00')",
    ):
        assert entry in plain
    assert "/Lang (en-US)" in plain
    assert "/DisplayDocTitle true" in plain


def test_outline_titles_are_utf_16_with_the_high_byte_first(plain):
    title = "0001 · 4471".encode("utf-16-be").hex()
    assert f"/Title <feff{title}>" in plain


def test_every_page_and_form_names_its_resources_and_colour_has_an_intent(plain):
    pages, forms = plain.count("/Type /Page\n"), plain.count("/Subtype /Form")
    assert plain.count("/Resources ") == pages + forms
    assert "/S /GTS_PDFA1" in plain
    assert "/DestOutputProfile" in plain


def test_the_profile_is_srgb_as_another_colour_engine_understands_it():
    ours = ImageCms.getOpenProfile(BytesIO(colour.srgb_profile()))
    assert ImageCms.getProfileDescription(ours).strip() == "sRGB IEC61966-2.1"
    assert (ours.profile.version, ours.profile.xcolor_space.strip()) == (2.4, "RGB")
    theirs = ImageCms.createProfile("sRGB")
    same = ImageCms.buildTransform(ours, theirs, "RGB", "RGB")
    picture = proof.picture(proof.print_case(CASE)[1].pdf, 0).convert("RGB").resize((64, 64))
    picture.putdata([(4 * x, 4 * y, 255 - 2 * (x + y)) for x in range(64) for y in range(64)])
    apart = zip(picture.tobytes(), ImageCms.applyTransform(picture, same).tobytes(), strict=True)
    assert max(abs(first - second) for first, second in apart) <= 2


def test_a_subset_holds_what_is_used_and_its_parts_and_nothing_else():
    face = fonts.faces()[fonts.REGULAR]
    source = font_subset.read(face.path)
    glyphs = [source.glyph_of[character] for character in "Aễ1"]
    cut, numbers = font_subset.cut(source, glyphs)
    font, whole = TTFont(BytesIO(cut), checkChecksums=2), TTFont(face.path)
    assert font["maxp"].numGlyphs == len(numbers) <= 8
    for glyph in glyphs:
        old, new = whole.getGlyphName(glyph), font.getGlyphName(numbers[glyph])
        assert font["hmtx"][new] == whole["hmtx"][old]
        drawn = [
            each["glyf"][name].getCoordinates(each["glyf"])[0] for each, name in ((font, new), (whole, old))
        ]
        assert list(drawn[0]) == list(drawn[1])


def test_two_files_differ_only_by_what_they_say():
    first, second = (proof.print_case(CASE)[1].pdf for _ in range(2))
    assert first == second
