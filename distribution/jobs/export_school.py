"""Schools as the portal shows them: which there are, and one year of one of them as CSV."""

import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

from distribution import academic_year
from distribution.channels.portal import export
from distribution.channels.portal.questions import Question, Reader
from distribution.errors import PermanentError, UsageError
from distribution.filenames import PART_SUFFIX
from distribution.jobs.wiring import Line, actor
from distribution.ledger import institutions
from distribution.ledger.connection import Role
from distribution.model import SCHOOL_KINDS

log = logging.getLogger(__name__)

_IN_MEMORY_BYTES = 32 * 1024**2


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """One export: whose, of which year, how many rows."""

    organization: str
    year: str
    schools: int
    rows: int
    size_bytes: int


def schools(line: Line, *, on: date) -> list[dict[str, Any]]:
    """Every school and district on file and whoever else sees scores in the portal; counts, no students."""
    with line.connect() as conn:
        on_file = institutions.in_force(conn, on).set_index("code")
        counted = conn.execute(
            """
            SELECT school_code, count(*), array_agg(DISTINCT academic_year ORDER BY academic_year)
            FROM portal.staged_score
            WHERE shown AND reportable_until >= %s
            GROUP BY school_code
            """,
            [on],
        ).fetchall()
    scores = {code: (count, years) for code, count, years in counted}
    named = on_file[on_file["kind"].isin(sorted(SCHOOL_KINDS)) | on_file.index.isin(list(scores))]
    return [
        {
            "code": row.Index,
            "name": row.name,
            "kind": row.kind,
            "state": row.status,
            "district": row.district_code,
            "scores": scores.get(str(row.Index), (0, []))[0],
            "academic_years": [
                academic_year.written(year) for year in scores.get(str(row.Index), (0, []))[1]
            ],
        }
        for row in named.sort_index().itertuples()
    ]


def export_year(line: Line, code: str, *, year: int, on: date, out: Path | IO[bytes]) -> ExportOutcome:
    """Write what an organisation sees of an academic year to a file or an open binary stream.

    A district sees its own rows and those of its schools on `on`. The bytes leave only after the disclosures
    are recorded; a file stands under its name whole or not at all. Raises UsageError for an organisation
    that is not on file, PermanentError where the file cannot be written.
    """
    seen = _seen_by(line, code, on=on)
    command = f"school export {code} --year {academic_year.written(year)}"

    def write(target: IO[bytes]) -> export.Exported:
        with line.connect(role=Role.PORTAL) as conn:
            question = Question(schools=seen, year=year, on=on)
            return export.write_csv(conn, target, question=question, reader=Reader(actor(), command))

    written = _into_file(out, write) if isinstance(out, Path) else _into_stream(out, write)
    log.info("Exported %s rows of %s for %s", written.rows, academic_year.written(year), code)
    return ExportOutcome(code, academic_year.written(year), len(seen), written.rows, written.size_bytes)


def _seen_by(line: Line, code: str, *, on: date) -> dict[str, str]:
    """The organisations whose rows `code` sees, with their names: itself, and a district's schools."""
    with line.connect() as conn:
        seen = institutions.seen_by(conn, code, on)
    if code not in seen:
        raise UsageError(f"No organisation {code} is on file on {on}. `school list` names those that are.")
    return seen


def _into_file(path: Path, write: Callable[[IO[bytes]], export.Exported]) -> export.Exported:
    part = path.with_name(path.name + PART_SUFFIX)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                written = write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise PermanentError(f"{path} cannot be written: {exc.strerror}. Choose another --out.") from exc
    return written


def _into_stream(out: IO[bytes], write: Callable[[IO[bytes]], export.Exported]) -> export.Exported:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
        written = write(spool)
        spool.seek(0)
        while block := spool.read(1024**2):
            out.write(block)
    return written
