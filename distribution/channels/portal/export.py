"""Export: a school's academic year as CSV, written by the database itself, or XLSX, with its disclosures."""

from dataclasses import dataclass, replace
from typing import IO

import psycopg
import xlsxwriter
from psycopg import sql

from distribution import academic_year
from distribution.channels.portal import access
from distribution.channels.portal.questions import (
    SCHOOL_NAME,
    TAIL,
    Question,
    Reader,
    Sort,
    order_of,
    rows_asked_for,
)

# Texts in which a spreadsheet may find a formula: numbers, dates, codes without signs, the catalogue's titles
# and our own closed words hold none. The school's name is guarded where it is looked up, once for all rows.
_GUARDED = frozenset(
    {"result_id", "candidate_id", "last_name", "first_name", "middle_name", "voucher_order_id"}
)
# Always quoted: a spreadsheet that parts cells by semicolons too would else run the tail of `Lee;=1+1`.
_QUOTED = sorted(_GUARDED | {"school_name"})
COLUMNS = (
    "academic_year", "school_code", "school_name", "result_id", "candidate_id", "last_name", "first_name",
    "middle_name", "birth_date", "gender", "exam_code", "exam_title", "test_date", "scaled_score",
    "recommended_credits", "funding", "voucher_order_id", "seen_because", "revision", "status", "released_on",
)  # fmt: skip
_SOURCES = {
    "academic_year": "%(written_year)s",
    "school_name": SCHOOL_NAME,
    "status": "s.shown_status",
}
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()

# What Excel, LibreOffice and Google Sheets take for the beginning of a formula (OWASP ASVS 5.0, 1.2.10), the
# full-width forms included that East Asian versions take as well. NUL cannot stand in PostgreSQL.
_FORMULA = "=+-@\t\r\n＝＋－＠"

_ROWS_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows an export holds and how many bytes it has."""

    rows: int
    size_bytes: int


def write_csv(conn: psycopg.Connection, out: IO[bytes], *, question: Question, reader: Reader) -> Exported:
    """Write the scores that a question asks for, and to whom they were shown.

    UTF-8 CSV with BOM and header row, the columns of the contract (section 10). A text that a spreadsheet
    would run gets a leading `'`: who reads the file by program takes one `'` off a cell whose second
    character is one of = + - @ (a name may begin with `'` on its own: those stay as they are). `conn` is in
    the portal's role, outside a transaction. Rows, disclosures and access log are of one snapshot; the
    caller hands the bytes on only after this has returned, so that nothing leaves unrecorded.
    """
    with access.as_schools(conn, question.schools):
        _read_in_order(conn, question)
        rows = _note_disclosures(conn, question, reader)
        return Exported(rows, _copy(conn, out, question))


def write_xlsx(conn: psycopg.Connection, out: IO[bytes], *, question: Question, reader: Reader) -> Exported:
    """The same as `write_csv` for a spreadsheet; texts are typed as texts, so that none of them is run.

    Memory stays flat: rows come by a cursor of the server and go to a temporary file of their own.
    """
    workbook = xlsxwriter.Workbook(
        out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = workbook.add_worksheet("Scores")
    for number, column in enumerate(COLUMNS):
        sheet.write_string(0, number, column)
    with access.as_schools(conn, question.schools):
        _read_in_order(conn, question)
        rows = _note_disclosures(conn, question, reader)
        with conn.cursor(name="export") as cursor:
            cursor.itersize = _ROWS_AT_A_TIME
            cursor.execute(
                f"SELECT {_cells(guarded=False)} {rows_asked_for(question)} {_order(question)}",
                _parameters(question),
            )
            for place, cells in enumerate(cursor, start=1):
                for number, cell in enumerate(cells):
                    if isinstance(cell, int):
                        sheet.write_number(place, number, cell)
                    elif cell is not None:
                        sheet.write_string(place, number, str(cell))
    workbook.close()
    return Exported(rows, out.tell())


def _follows_index(question: Question) -> bool:
    """True where the table's order is that of the index: by name at one school."""
    return len(question.schools) == 1 and question.sort is Sort.NAME and not question.descending


def _order(question: Question) -> str:
    """The table's order; written as the index's where that is the same, or it would not be seen to be."""
    return f"ORDER BY s.school_code, {', '.join(TAIL)}" if _follows_index(question) else order_of(question)


def _read_in_order(conn: psycopg.Connection, question: Question) -> None:
    """Let this transaction follow the index, whose order is the export's, instead of sorting a large school.

    The planner thinks little of it, for it expects to read from disk; measured, it takes half the time.
    """
    if not _follows_index(question):
        return
    conn.execute(
        """
        SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
               set_config('work_mem', '64MB', true)
        """
    )


def _parameters(question: Question) -> dict[str, object]:
    return {
        **question.parameters,
        "written_year": academic_year.written(question.year),
        "formula": [ord(letter) for letter in _FORMULA],
    }


def _note_disclosures(conn: psycopg.Connection, question: Question, reader: Reader) -> int:
    """One row per student's record, and the export as a whole in the access log."""
    params = {**_parameters(question), "actor": reader.actor, "command": reader.artefact}
    rows = conn.execute(
        f"""
        INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                       artefact, actor)
        SELECT s.result_id, s.revision, s.candidate_id, s.school_code, 'portal', s.seen_because,
               %(command)s, %(actor)s
        {rows_asked_for(question)} {_order(question)}
        """,
        params,
    ).rowcount
    conn.execute(
        f"""
        INSERT INTO ledger.access_log (actor, command, result_ids)
        SELECT %(actor)s, %(command)s, coalesce(array_agg(s.result_id {_order(question)}), '{{}}')
        {rows_asked_for(question)}
        """,
        params,
    )
    return rows


def _copy(conn: psycopg.Connection, out: IO[bytes], question: Question) -> int:
    named = {code: _guarded(name) for code, name in question.schools.items()}
    parameters = _parameters(replace(question, schools=named))
    select = psycopg.ClientCursor(conn).mogrify(
        f"SELECT {_cells()} {rows_asked_for(question)} {_order(question)}", parameters
    )
    size_bytes = out.write(_BOM)
    statement = sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT csv, HEADER true, FORCE_QUOTE ({}))").format(
        sql.SQL(select), sql.SQL(", ").join(map(sql.Identifier, _QUOTED))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as rows:
        for block in rows:
            size_bytes += out.write(block)
    return size_bytes


def _guarded(text: str) -> str:
    return f"'{text}" if text[:1] in tuple(_FORMULA) else text


def _cells(*, guarded: bool = True) -> str:
    return ", ".join(f"{_cell(column, guarded=guarded)} AS {column}" for column in COLUMNS)


def _cell(column: str, *, guarded: bool) -> str:
    source = _SOURCES.get(column, f"s.{column}")
    if column not in _GUARDED or not guarded:
        return source
    # By the number of the first letter, 0 where there is none: to cut it off would cost as much as the rest.
    return f"CASE WHEN ascii({source}) = ANY(%(formula)s::int[]) THEN '''' || {source} ELSE {source} END"
