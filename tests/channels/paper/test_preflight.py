"""Names that no font can set are held, never printed as boxes."""

from dataclasses import replace

import pandas as pd
import pytest

from distribution import exams
from distribution.channels.paper import fonts, preflight
from distribution.model import PostalAddress

ADDRESS = PostalAddress("Vale College", "", "1 Main Street", "", "Springfield", "IL", "62701", "US")


def deliveries(**columns: list[str]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    values = {
        "recipient": ["4471"] * rows,
        "last_name": ["Moreau"] * rows,
        "first_name": ["Ada"] * rows,
        "middle_name": [""] * rows,
        "candidate_id": ["C1"] * rows,
        "college_student_id": [""] * rows,
        "exam_code": ["BIOLOG"] * rows,
    } | columns
    return pd.DataFrame(values, dtype="str").assign(delivery_id=range(1, rows + 1))


def reasons(frame: pd.DataFrame) -> dict[int, str]:
    held = preflight.held(frame, {"4471": ADDRESS})
    assert held["delivery_id"].dtype == "int64"
    return dict(zip(held["delivery_id"], held["reason"], strict=True))


def test_only_the_delivery_with_the_uncovered_name_is_held():
    frame = deliveries(last_name=["Nguyễn", "王", "Łukasz", "Ελένη", "Дмитрий"])
    assert reasons(frame) == {2: "no-glyph"}


def test_an_institution_without_an_address_has_all_its_deliveries_held():
    frame = deliveries(recipient=["4471", "9999", "9999"], last_name=["A", "B", "王"])
    assert reasons(frame) == {2: "no-address", 3: "no-address"}


def test_a_college_student_id_is_checked_too():
    assert reasons(deliveries(college_student_id=["学号1"])) == {1: "no-glyph"}


@pytest.mark.parametrize("name", ["محمد", "שלום", "कमल", "สมชาย", "김", "Հայկ", "Ọ́lá", "\ue000"])
def test_scripts_that_need_shaping_or_another_font_are_not_covered(name):
    assert name in fonts.uncovered([name, "Smith"])


@pytest.mark.parametrize("name", ["O’Brien", "D'Arcy-Null", "Nuñez", "ʻAkau", "ọ́la", "a\u200db", "ẞ", "Ħ"])
def test_names_of_the_covered_scripts_are_set(name):
    assert not fonts.uncovered([name])


def test_an_exam_whose_title_no_font_covers_holds_its_deliveries(monkeypatch):
    rows = tuple(replace(row, title="数学") if row.code == "CALCUL" else row for row in exams.catalogue())
    monkeypatch.setattr(exams, "catalogue", lambda: rows)
    preflight._exams_without_glyphs.cache_clear()
    assert reasons(deliveries(exam_code=["CALCUL", "BIOLOG"])) == {1: "no-glyph"}
    monkeypatch.undo()
    preflight._exams_without_glyphs.cache_clear()
    assert reasons(deliveries(exam_code=["CALCUL", "BIOLOG"])) == {}


def test_nothing_pending_holds_nothing():
    assert preflight.held(deliveries(last_name=[]), {}).empty
