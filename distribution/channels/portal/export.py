"""Export: a school's academic year as CSV, written by the database itself, with its disclosures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import IO

import psycopg
from psycopg import sql

from distribution import academic_year
from distribution.channels.portal import access

# Texts in which a spreadsheet may find a formula; numbers, dates and our own closed words are left alone.
_GUARDED = frozenset(
    {"school_code", "school_name", "result_id", "candidate_id", "last_name", "first_name", "middle_name",
     "exam_code", "exam_title", "voucher_order_id"}
)  # fmt: skip
COLUMNS = (
    "academic_year", "school_code", "school_name", "result_id", "candidate_id", "last_name", "first_name",
    "middle_name", "birth_date", "gender", "exam_code", "exam_title", "test_date", "scaled_score",
    "recommended_credits", "funding", "voucher_order_id", "seen_because", "revision", "status", "released_on",
)  # fmt: skip
_SOURCES = {
    "academic_year": "%(written_year)s",
    "school_name": "coalesce(o.name, '')",
    "status": "s.shown_status",
}
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()

# What Excel, LibreOffice and Google Sheets take for the beginning of a formula (OWASP ASVS 5.0, 1.2.10), the
# full-width forms included that East Asian versions take as well. NUL cannot stand in PostgreSQL.
_FORMULA = "^[=+\\-@\t\r\n＝＋－＠]"

_ROWS = """
FROM portal.score AS s
LEFT JOIN unnest(%(codes)s::text[], %(names)s::text[]) AS o (code, name) ON o.code = s.school_code
WHERE s.school_code = ANY(%(codes)s::text[])
  AND s.academic_year = %(year)s
  AND s.reportable_until >= %(on)s
"""
_ORDER = "ORDER BY s.school_code, s.last_name, s.first_name, s.result_id, s.delivery_id"


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows an export holds and how many bytes it has."""

    rows: int
    size_bytes: int


def write_year(
    conn: psycopg.Connection,
    out: IO[bytes],
    *,
    schools: Mapping[str, str],
    year: int,
    on: date,
    actor: str,
    command: str,
) -> Exported:
    """Write the scores of an academic year that `schools` (code → name) see, and to whom they were shown.

    UTF-8 CSV with BOM and header row, the columns of the contract (section 10). A text that a spreadsheet
    would run gets a leading `'`: who reads the file by program takes one `'` off a cell whose second
    character is one of = + - @ (a name may begin with `'` on its own: those stay as they are). `conn` is in
    the portal's role, outside a transaction. Rows, disclosures and access log are of one snapshot; the
    caller hands the bytes on only after this has returned, so that nothing leaves unrecorded.
    """
    params = {
        "codes": sorted(schools),
        "names": [schools[code] for code in sorted(schools)],
        "year": year,
        "written_year": academic_year.written(year),
        "on": on,
        "formula": _FORMULA,
        "actor": actor,
        "command": command,
    }
    with access.as_schools(conn, schools):
        rows = _note_disclosures(conn, params)
        return Exported(rows, _copy(conn, out, params))


def _note_disclosures(conn: psycopg.Connection, params: Mapping[str, object]) -> int:
    """One row per student's record, and the export as a whole in the access log."""
    rows = conn.execute(
        f"""
        INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                       artefact, actor)
        SELECT s.result_id, s.revision, s.candidate_id, s.school_code, 'portal', s.seen_because,
               %(command)s, %(actor)s
        {_ROWS} {_ORDER}
        """,
        params,
    ).rowcount
    conn.execute(
        f"""
        INSERT INTO ledger.access_log (actor, command, result_ids)
        SELECT %(actor)s, %(command)s, coalesce(array_agg(s.result_id {_ORDER}), '{{}}')
        {_ROWS}
        """,
        params,
    )
    return rows


def _copy(conn: psycopg.Connection, out: IO[bytes], params: Mapping[str, object]) -> int:
    select = psycopg.ClientCursor(conn).mogrify(f"SELECT {_cells()} {_ROWS} {_ORDER}", params)
    size_bytes = out.write(_BOM)
    statement = sql.SQL("COPY ({}) TO STDOUT WITH (FORMAT csv, HEADER true)").format(sql.SQL(select))
    with conn.cursor() as cursor, cursor.copy(statement) as rows:
        for block in rows:
            size_bytes += out.write(block)
    return size_bytes


def _cells() -> str:
    return ", ".join(f"{_cell(column)} AS {column}" for column in COLUMNS)


def _cell(column: str) -> str:
    source = _SOURCES.get(column, f"s.{column}")
    if column not in _GUARDED:
        return source
    return f"CASE WHEN {source} ~ %(formula)s THEN '''' || {source} ELSE {source} END"
