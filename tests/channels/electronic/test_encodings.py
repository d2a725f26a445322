"""Names through each encoding: widths as the layout counts them, spelled out and told, never `?`, never "
"cut."""

import json
import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distribution.channels.electronic import record_layout, score_file
from distribution.channels.electronic.record_layout import Control
from distribution.channels.electronic.score_file import Form
from distribution.jobs import send_files, show_institution, write_report
from distribution.jobs.wiring import Line
from tests.support import mixed_results, records
from tests.support.electronic import NIGHT, endpoint, join, owe
from tests.support.sftp_servers import Host, new_key, public_line

# name as it came, then as latin-1 and ascii hold it
CORPUS = [
    ("O'Brien", "O'Brien", "O'Brien"),
    ("García-Márquez", "García-Márquez", "Garcia-Marquez"),
    ("Müller", "Müller", "Muller"),
    ("Þórsdóttir", "Þórsdóttir", "Thorsdottir"),
    ("Nguyễn", "Nguyen", "Nguyen"),
    ("Łukasiewicz", "Lukasiewicz", "Lukasiewicz"),
    ("Đặng", "Dang", "Dang"),
    ("Çelik", "Çelik", "Celik"),
    ("Gülşen", "Gülsen", "Gulsen"),
    ("Παπαδοπούλου", "Papadopoyloy", "Papadopoyloy"),
    ("Иванова", "Ivanova", "Ivanova"),
    ("田中", "TianZhong", "TianZhong"),
    ("Straße", "Straße", "Strasse"),
    ("Strauß ÆØÅ", "Strauß ÆØÅ", "Strauss AeOA"),
    ("Ana ؟", "Ana", "Ana"),
]


def frame(*names: str) -> pd.DataFrame:
    return mixed_results.results(len(names), seed=7, institutions=1).assign(
        last_name=list(names), first_name="Ann", middle_name=""
    )


def written(encoding: str, *names: str, layout: str = "fixed-1") -> tuple[score_file.DetailLines, list[str]]:
    """The lines, and the last name as it stands in each of them."""
    form = Form(layout=record_layout.load(layout), encoding=encoding, control=Control.INLINE)
    lines = score_file.format_details(frame(*names), form)
    field = next(f for f in form.layout.records["D"] if f.name == "last_name")
    texts = bytes(lines.text)[: int(lines.starts[-1])].decode(encoding).split("\r\n")[:-1]
    assert {len(text) for text in texts} == {form.layout.record_length}  # characters, in every encoding
    return lines, [text[field.start - 1 : field.start - 1 + field.length].rstrip() for text in texts]


@pytest.mark.parametrize(("name", "latin", "plain"), CORPUS, ids=[row[0] for row in CORPUS])
@pytest.mark.parametrize("layout", ["fixed-1", "flat-pgp"])
def test_a_name_is_kept_or_spelled_out_and_that_is_told(
    name: str, latin: str, plain: str, layout: str
) -> None:
    for encoding, wanted in (("utf-8", name), ("latin-1", latin), ("ascii", plain)):
        lines, found = written(encoding, name, layout=layout)
        assert found == [wanted]
        assert lines.transliterated.tolist() == [wanted != name]
        assert not lines.unfit.any()


LETTERS = st.characters(
    max_codepoint=0x2FFFF, categories=("Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Pd", "Po")
)


@settings(max_examples=150, deadline=None)
@given(name=st.text(LETTERS, min_size=1, max_size=60), encoding=st.sampled_from(["latin-1", "ascii"]))
def test_no_letter_becomes_a_question_mark_and_nothing_is_sent_blank(name: str, encoding: str) -> None:
    name = unicodedata.normalize("NFC", name)
    form = Form(layout=record_layout.load("csv-1"), encoding=encoding, control=Control.SIDECAR)
    source = frame(name).assign(first_name="", email="", postal_code="")
    lines = score_file.format_details(source, form)
    text = bytes(lines.text)[: int(lines.starts[-1])].decode(encoding)
    assert text.count("?") <= name.count("?")
    is_blank = f",{source['candidate_id'][0]},," in text
    assert lines.lost.tolist() == [True] or not is_blank


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Ann \u110b", None),  # a Hangul letter that is silent
        ("خالد", None),  # the alif of Khalid
        ("𒀀 Ann", None),  # cuneiform
        ("Ann ¹²", "Ann 12"),
        ("Игорь", "Igor'"),
        ("コーヒー", "kohi"),  # the length mark colours the vowel before it
        ("Jane\u0301ek q\u0301", "Janeek q"),  # a mark on a letter that Unicode has not composed
        ("Ann ؟", "Ann"),
    ],
)
def test_a_letter_for_which_nothing_stands_is_lost_and_a_mark_is_left_out(
    name: str, plain: str | None
) -> None:
    lines, found = written("ascii", unicodedata.normalize("NFC", name))
    assert lines.transliterated.tolist() == [True]
    assert lines.lost.tolist() == [plain is None]
    assert plain is None or found == [plain]


def test_a_name_without_any_letter_in_the_encoding_is_marked() -> None:
    lines, found = written("ascii", "\u110b", "Ann")
    assert (lines.lost.tolist(), found[1]) == ([True, False], "Ann")
    assert written("utf-8", "\u110b")[0].unfit.tolist() == [False]


def test_the_width_is_that_of_the_spelled_out_name() -> None:
    lines, _ = written("utf-8", "Щ" * 60)
    assert lines.unfit.tolist() == [False]
    form = Form(layout=record_layout.load("fixed-1"), encoding="ascii")
    assert score_file.format_details(frame("Щ" * 60), form).too_long.tolist() == [True]


def test_what_cannot_be_written_is_held_with_its_reason_and_the_others_go(line: Line) -> None:
    key = new_key()
    host = Host(1, public_line(key), "", "clep", line.settings.home)
    join(line, host, endpoint(host, "4471", directory="/in", encoding="ascii"))
    owe(line, "4471", "R-1", last_name="Щ" * 60)
    owe(line, "4471", "R-2", last_name="\u110b")
    owe(line, "4471", "R-3", last_name="Łukasz")
    owe(line, "4471", "R-4", last_name="Kim", first_name="Ann \u110b")
    owe(line, "4471", "R-5", last_name="Kim")
    with line.connect() as conn:
        records.run(conn)
    built = send_files.build_files(line, run_id="N20261123-01", on=NIGHT)
    assert (built.built, built.held, built.transliterated) == (2, 3, 1)
    with line.connect() as conn:
        rows = conn.execute("SELECT result_id, state_reason FROM ledger.delivery ORDER BY 1").fetchall()
    assert [reason for _, reason in rows] == ["name-too-long", "no-glyph", None, "no-glyph", None]
    page = write_report.write_report(line, "N20261123-01")
    facts = json.loads(page.with_name("run.json").read_text("utf-8"))
    assert facts["spelled_out"] == [{"code": "4471", "name": "", "records": 1}]
    assert "Spelled out" in page.read_text("utf-8")
    (shown,) = show_institution.show(line, "4471")["files"]
    assert (shown["records"], shown["transliterated"]) == (2, 1)
