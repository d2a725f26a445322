"""What stands on a piece, read back from the PDF as a scanner and a registrar would."""

import hashlib
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
import zxingcpp

from distribution import exams
from distribution.channels.paper import (
    addresses,
    content,
    fonts,
    forms,
    geometry,
    layout,
    manifest,
    print_batch,
)
from distribution.channels.paper.content import LineKind, Piece, ScoreLine, Student
from distribution.model import PostalAddress

CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ADDRESS = PostalAddress(
    name="North Valley State University",
    attention="Office of the Registrar",
    address_1="1200 Founders Hall",
    address_2="Suite 14",
    city="Cedar Falls",
    state="IA",
    postal_code="50613-0001",
)


def a_line(kind: str = "score", **changes: str) -> ScoreLine:
    cancelled = kind == "cancelled"
    values = {
        "title": "College Mathematics",
        "test_date": "2026-11-14",
        "score": "" if cancelled else "62",
        "credits": "" if cancelled else "6",
        "other_name": "",
    } | changes
    return ScoreLine(delivery_id=1, kind=LineKind(kind), essays=False, **values)


def a_student(name: str = "Moreau, Ada", *lines: ScoreLine, candidate_id: str = "00481516") -> Student:
    return Student(candidate_id, name, "", lines or (a_line(),))


def a_piece(*students: Student, number: int = 1, address: PostalAddress = ADDRESS) -> Piece:
    return Piece("4471", address, students or (a_student(),), number)


def printed(*pieces: Piece, created_at: datetime = CREATED) -> print_batch.Printed:
    stock, _ = layout.plan(pieces[0])
    ticket = print_batch.Ticket("PB-20261123-A", "nightly-1", date(2026, 11, 23), created_at, stock, 0, False)
    return print_batch.print_batch(ticket, pieces, return_address=["CLEP Score Reports", "PO Box 0000"])


def pages_of(pdf: bytes, folder: Path) -> list[str]:
    """The text of each page, as pdftotext reads it."""
    (folder / "batch.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", "batch.pdf", "-"]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout.decode()
    return text.split("\f")[:-1]


def test_every_name_is_read_back_as_it_came(tmp_path):
    names = ["Nguyễn, Thị Minh", "Wiśniewski, Łukasz", "Παπαδοπούλου, Ελένη", "Иванов, Дмитрий", "O'Brien"]
    names += ["Null", "NA", "None", "NaN", "007"]
    students = [a_student(name, candidate_id=f"C{number}") for number, name in enumerate(names)]
    pages = pages_of(printed(a_piece(*students)).pdf, tmp_path)
    for name in names:
        assert name in pages[0], "in the roster"
        assert sum(name in page for page in pages[1:]) == 1, "and on one report"


def test_no_sheet_carries_two_students_and_each_report_begins_on_an_odd_page(tmp_path):
    students = [a_student(f"Student{number}, A", candidate_id=f"C0{number}") for number in range(1, 6)]
    pages = pages_of(printed(a_piece(*students)).pdf, tmp_path)
    sheets = ["\n".join(pages[first : first + 2]) for first in range(0, len(pages), 2)]
    found = [[student.name for student in students if student.name in sheet] for sheet in sheets]
    assert found[0] == [student.name for student in students], "the roster names all"
    assert found[1:] == [[student.name] for student in students]
    assert all(students[number].name in pages[2 + 2 * number] for number in range(5))


def test_one_student_is_one_sheet_with_address_and_report(tmp_path):
    piece = a_piece(a_student("Moreau, Ada", a_line(), a_line(title="Biology", score="20", credits="—")))
    pages = pages_of(printed(piece).pdf, tmp_path)
    assert len(pages) == 2, "front and blank back"
    assert not pages[1].strip()
    for words in (
        "1200 Founders Hall",
        "CEDAR FALLS, IA 50613-0001",
        "Moreau, Ada",
        "00481516",
        "sheet 1 of 1",
    ):
        assert words in pages[0]
    assert re.search(r"College Mathematics\s+2026-11-14\s+62\s+6\b", pages[0])
    assert re.search(r"Biology\s+2026-11-14\s+20\s+—", pages[0])
    assert "34 CFR 99.33" in pages[0]


def test_corrections_and_cancellations_are_unmistakable(tmp_path):
    student = a_student(
        "Moreau, Ada", a_line("corrected", title="Biology"), a_line("cancelled", title="Calculus")
    )
    report = pages_of(printed(a_piece(student, a_student("Zed, Z", candidate_id="Z"))).pdf, tmp_path)
    assert "Corrected report and cancelled score inside" in report[0]
    assert "CORRECTED REPORT" in report[2]
    assert "Corrected report — replaces the score reported earlier" in report[2]
    assert re.search(r"Calculus\s+2026-11-14\s+Score cancelled\n", report[2]), "no score, no credits"
    assert "1 score reported · 1 cancelled" in report[2]


@pytest.mark.parametrize("kind", ["score", "corrected", "cancelled"])
def test_a_title_too_long_for_its_column_is_broken_at_spaces_and_stands_whole(tmp_path, kind):
    title = "Analyzing and Interpreting the Literatures of Western and Central Europe and the Americas"
    lines = [a_line(kind, title=f"{title} {number:02d}", other_name="Moreau-X, A") for number in range(30)]
    result = printed(a_piece(a_student("Moreau, Ada", *lines)))
    (tmp_path / "batch.pdf").write_bytes(result.pdf)
    command = ["pdftotext", "-raw", "batch.pdf", "-"]
    text = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout.decode()
    words = " ".join(text.split())
    assert re.findall(rf"{title} (\d\d) 2026", words) == [f"{number:02d}" for number in range(30)]
    setting = layout.title_setting(lines[0])
    assert setting.size == layout.TITLE_SMALLEST
    assert " ".join(setting.lines) == lines[0].title
    assert all(
        fonts.width(line, fonts.REGULAR, 8) <= geometry.pt(layout.TITLE_WIDTH) for line in setting.lines
    )


def test_every_title_of_the_catalogue_keeps_one_line():
    for row in exams.catalogue():
        line = ScoreLine(1, LineKind.SCORE, row.title, "2026-11-14", "50", "3", row.essay, "")
        assert len(layout.title_setting(line).lines) == 1, row.title
    assert forms.DATE_X - geometry.LEFT - layout.TITLE_WIDTH >= 3.9


def test_the_roster_counts_scores_and_says_what_is_cancelled_apart(tmp_path):
    mixed = a_student("Moreau, Ada", a_line(), a_line("cancelled"), a_line("corrected"), candidate_id="A1")
    gone = a_student("Zed, Z", a_line("cancelled"), candidate_id="Z9")
    roster = pages_of(printed(a_piece(mixed, gone)).pdf, tmp_path)[0]
    assert re.search(r"Moreau, Ada\s+A1\s+2\s+2\n\s*Corrected report and cancelled score inside", roster)
    assert re.search(r"Zed, Z\s+Z9\s+0\s+3\n\s*Cancelled score inside", roster)
    assert re.search(r"Total: 2 students · 2 cancelled scores not counted\s+2\n", roster)


def test_a_long_report_goes_on_overleaf_with_its_table_head_and_no_row_is_lost(tmp_path):
    lines = [a_line(title=f"Exam {number:02d}") for number in range(60)]
    result = printed(a_piece(a_student("Moreau, Ada", *lines)))
    pages = pages_of(result.pdf, tmp_path)
    used = [page for page in pages if page.strip()]
    assert result.lines_set == 60
    assert sum(len(re.findall(r"Exam \d\d", page)) for page in used) == 60
    assert len(used) > 2
    assert all("Recommended credits" in page for page in used)
    assert all("Moreau, Ada" in page and "PB-20261123-A · piece 0001 · sheet" in page for page in used)
    assert "60 scores reported" in used[-1]


def test_a_long_roster_goes_on_and_says_on_which_sheet_each_report_begins(tmp_path):
    students = [
        a_student(f"Student{n:03d}", a_line(title=f"Exam {n}"), candidate_id=f"C{n}") for n in range(45)
    ]
    piece = a_piece(*students)
    pages = pages_of(printed(piece).pdf, tmp_path)
    for line in re.finditer(r"(Student\d{3})\s+C\d+\s+1\s+(\d+)\n", "\n".join(pages[:4])):
        assert line[1] in pages[2 * (int(line[2]) - 1)]
    assert "Total: 45 students" in "".join(pages[:4])


def test_a_name_of_180_characters_is_set_whole(tmp_path):
    name = "W" * 60 + ", " + "Maximiliana " * 5 + "X" * 60
    piece = a_piece(a_student(name.replace("  ", " ").strip()), a_student("Zed", candidate_id="Z"))
    pages = pages_of(printed(piece).pdf, tmp_path)
    for page in (pages[0], pages[2]):
        assert page.count("W") >= 60
        assert len(re.findall("X", page)) == 60
        assert page.count("Maximiliana") == 5


@pytest.mark.parametrize("students", [1, 2, 8])
def test_the_address_stands_clear_of_the_window_wherever_the_letter_slides(students):
    piece = a_piece(*(a_student(f"S{number}", candidate_id=f"C{number}") for number in range(students)))
    stock, _ = layout.plan(piece)
    left, top, right, bottom = stock.window_on_paper()
    shift = stock.width - geometry.PAGE_WIDTH  # a letter that slides right shows its window more to the left
    page = pypdfium2.PdfDocument(printed(piece).pdf)[0].get_textpage()
    boxes = [page.get_rect(index) for index in range(page.count_rects())]
    text_of = {box: page.get_text_bounded(*box) for box in boxes}
    address = [
        box for box, text in text_of.items() if any(line in text for line in addresses.lines_of(ADDRESS))
    ]
    assert len(address) >= 5
    for x, low, to_x, high in address[:5]:
        assert x / geometry.MM >= left + geometry.CLEARANCE
        assert to_x / geometry.MM <= right - shift - geometry.CLEARANCE
        assert geometry.PAGE_HEIGHT - high / geometry.MM >= top + geometry.CLEARANCE
        assert geometry.PAGE_HEIGHT - low / geometry.MM <= bottom - geometry.CLEARANCE
    # Nothing else shows: neither the return address above nor a student's record below.
    for x, low, to_x, high in set(boxes) - set(address[:5]):
        below, above = geometry.PAGE_HEIGHT - high / geometry.MM, geometry.PAGE_HEIGHT - low / geometry.MM
        assert above < top or below > bottom or x / geometry.MM > right or to_x / geometry.MM < left - shift


def test_neither_gender_nor_birth_date_can_reach_paper():
    frame = pd.DataFrame(
        {column: ["x"] for column in ("recipient", *content._COLUMNS)}
        | {"delivery_id": [1], "exam_code": ["BIOLOG"], "test_date": ["2026-11-14"], "scaled_score": ["62"]}
    )
    assert not {"gender", "birth_date"} & set(content._COLUMNS)
    assert content.students_of(frame, by="recipient")["x"][0].lines[0].score == ""


def test_the_same_pieces_give_the_same_bytes_whenever_they_are_set():
    first, second = printed(a_piece()), printed(a_piece())
    assert first.sha256 == second.sha256 == hashlib.sha256(first.pdf).hexdigest()
    assert printed(a_piece(), created_at=datetime(2027, 1, 1, tzinfo=UTC)).sha256 != first.sha256


def test_the_document_names_itself_and_its_pieces_but_no_student():
    document = pypdfium2.PdfDocument(printed(a_piece(number=1), a_piece(number=2)).pdf)
    assert document.get_metadata_value("Title") == "PB-20261123-A"
    assert document.get_metadata_value("CreationDate").startswith("D:20261124030000")
    titles = [entry.get_title() for entry in document.get_toc()]
    assert titles == ["0001 · 4471", "0002 · 4471"]
    assert "Moreau" not in "".join(document.get_metadata_dict().values())


def test_each_sheet_has_a_code_that_a_scanner_reads():
    document = pypdfium2.PdfDocument(printed(a_piece(a_student(), a_student("Zed", candidate_id="Z"))).pdf)
    read = [zxingcpp.read_barcodes(document[page].render(scale=3).to_pil()) for page in (0, 2, 4)]
    assert [codes[0].text.rsplit("|", 1)[0] for codes in read] == [
        f"PB-20261123-A|0001|{sheet}/3" for sheet in (1, 2, 3)
    ]


def test_fonts_are_embedded_as_subsets(tmp_path):
    (tmp_path / "batch.pdf").write_bytes(printed(a_piece()).pdf)
    listed = subprocess.run(
        ["pdffonts", "batch.pdf"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    fonts = [line for line in listed.stdout.splitlines()[2:] if "NotoSans" in line]
    assert fonts
    assert all(re.search(r"yes yes yes", line) for line in fonts), "embedded, subset, with a Unicode map"


def test_the_manifest_has_a_row_per_sheet_with_its_two_pages():
    result = printed(a_piece(a_student(), a_student("Zed", candidate_id="Z")), a_piece(number=2))
    rows = manifest.write("PB-20261123-A", result.sheets, pdf_sha256=result.sha256).decode().splitlines()
    assert rows[0] == "batch,piece,di,sheet,of,first_page,last_page,imb,pdf_sha256"
    assert rows[3] == f"PB-20261123-A,0001,4471,3,3,5,6,,{result.sha256}"
    assert rows[4] == f"PB-20261123-A,0002,4471,1,1,7,8,,{result.sha256}"
    assert len(rows) == 5


def test_more_students_than_a_flat_holds_get_several_envelopes():
    students = [a_student(f"Student{number:03d}", candidate_id=f"C{number}") for number in range(130)]
    pieces = layout.divide("4471", ADDRESS, students)
    assert [student for piece in pieces for student in piece.students] == students
    assert all(len(layout.plan(piece)[1]) <= geometry.FLAT.most_sheets for piece in pieces)
    assert len(pieces) == 3
