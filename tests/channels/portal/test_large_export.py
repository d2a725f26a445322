"""A large school's export: every row, in flat memory, whatever the form."""

import csv
import io
import tracemalloc
import zipfile
from datetime import date

import pytest

from distribution.channels.portal import export
from distribution.channels.portal.questions import Question, Reader
from distribution.ledger.connection import Role

SCHOOL, ROWS = "123456", 50_000
QUESTION = Question(schools={SCHOOL: "Large School"}, year=2026, on=date(2026, 11, 24))


class Counted(io.RawIOBase):
    """Takes what is written and keeps none of it."""

    def __init__(self) -> None:
        self.size, self.lines = 0, 0

    def write(self, block) -> int:
        self.size += len(block)
        self.lines += bytes(block).count(b"\n")
        return len(block)


@pytest.fixture(scope="module")
def line(module_line):
    with module_line.connect() as conn:
        conn.execute(
            """
            INSERT INTO portal.staged_score (
                academic_year, school_code, delivery_id, result_id, revision, action, status, candidate_id,
                last_name, first_name, middle_name, birth_date, gender, exam_code, exam_title, test_date,
                scaled_score, funding, voucher_order_id, seen_because, released_on, reportable_until)
            SELECT 2026, %s, n, 'R-' || n, 1, 'N', 'scored', 'C-' || n,
                   (ARRAY['Lee', '=cmd()', '@x', 'Nguyễn'])[1 + n %% 4], 'Ann', '', '2008-05-01', '',
                   'FINACC', 'Financial Accounting', '2026-11-20', 20 + n %% 61, 'self', '', 'attending',
                   '2026-11-23', '2036-11-20'
            FROM generate_series(1, %s) AS n
            """,
            [SCHOOL, ROWS],
        )
    return module_line


def test_the_csv_is_written_in_flat_memory_and_noted_row_by_row(line):
    out = Counted()
    with line.connect(role=Role.PORTAL) as conn:
        tracemalloc.start()
        written = export.write_csv(conn, out, question=QUESTION, reader=Reader("kim", "large"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (written.rows, out.lines) == (ROWS, ROWS + 1)
    assert out.size > 5_000_000
    assert peak < 2_000_000
    with line.connect() as conn:
        noted = conn.execute("SELECT count(*) FROM ledger.disclosure WHERE artefact = 'large'").fetchone()
    assert noted == (ROWS,)


def test_no_cell_of_either_form_would_be_run(line, tmp_path):
    with line.connect(role=Role.PORTAL) as conn:
        text = io.BytesIO()
        export.write_csv(conn, text, question=QUESTION, reader=Reader("kim", "csv"))
        with (tmp_path / "scores.xlsx").open("wb") as file:
            written = export.write_xlsx(conn, file, question=QUESTION, reader=Reader("kim", "xlsx"))
    rows = list(csv.reader(io.StringIO(text.getvalue().decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r＝＋－＠")]
    sheet = zipfile.ZipFile(tmp_path / "scores.xlsx").read("xl/worksheets/sheet1.xml")
    assert written.rows == ROWS
    assert sheet.count(b"<row ") == ROWS + 1
    assert b"<f>" not in sheet
