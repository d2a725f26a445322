"""Results in the ledger: every revision for ever, compared and recorded a feed at a time."""

from collections.abc import Sequence

import pandas as pd
import psycopg

from distribution.academic_year import FIRST_MONTH
from distribution.ledger import retakes
from distribution.ledger.connection import copy_frame, read_frame
from distribution.ledger.feeds import Recorded

COLUMNS = (
    "result_id", "revision", "status", "candidate_id", "last_name", "first_name", "middle_name", "birth_date",
    "gender", "exam_code", "test_date", "scored_on", "scaled_score", "funding", "voucher_order_id",
    "attending_code", "recipient_1", "recipient_2", "test_center_code", "email", "postal_code",
    "college_student_id", "local_student_id", "grade",
)  # fmt: skip
_TYPES = {
    "revision": "int",
    "birth_date": "date",
    "test_date": "date",
    "scored_on": "date",
    "scaled_score": "smallint",
}
_MAY_BE_NULL = ("scored_on", "scaled_score")
_CONTENT = tuple(name for name in COLUMNS if name not in ("result_id", "revision"))


def record(
    conn: psycopg.Connection,
    rows: pd.DataFrame,
    *,
    feed_id: int,
    history: bool = False,
    hold_retakes: bool = True,
) -> Recorded:
    """Record a feed's accepted rows: the first revision known is new, each later one corrected.

    `rows`: `COLUMNS` (`str`), `line` (int64) and, where the feed has x_… columns, `extra` (JSON text).
    Held by the ledger are `revision-conflict` and, with `hold_retakes`, `retake-too-soon`. The caller
    holds the ingest lock: across the partitions of years nothing else keeps (result_id, revision) unique.
    """
    _stage(conn, rows)
    _find_known(conn)
    _settle_repeats(conn)
    _settle_against_file(conn)
    _settle_other_sittings(conn)
    if hold_retakes and len(rows):
        tested = rows["test_date"]
        retakes.hold(conn, first=tested.min(), last=tested.max())
    _insert(conn, feed_id=feed_id, history=history)
    return _recorded(conn, feed_id)


def _stage(conn: psycopg.Connection, rows: pd.DataFrame) -> None:
    columns = ",\n".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
    conn.execute("DROP TABLE IF EXISTS arrived, settled, known")
    conn.execute(f"CREATE TEMP TABLE arrived (line int, {columns}, extra jsonb) ON COMMIT DROP")
    conn.execute(
        """
        CREATE TEMP TABLE settled (line int PRIMARY KEY, verdict text NOT NULL, column_name text)
        ON COMMIT DROP
        """
    )
    chosen = ["line", *COLUMNS, *(["extra"] if "extra" in rows else [])]
    staged = rows[chosen].assign(**{name: rows[name].where(rows[name] != "") for name in _MAY_BE_NULL})
    copy_frame(conn, staged, "arrived")
    conn.execute("ANALYZE arrived")


def _find_known(conn: psycopg.Connection) -> None:
    """`known`: the newest revision on file of each result; `several`: the results with several rows."""
    conn.execute(
        """
        CREATE TEMP TABLE known ON COMMIT DROP AS
        SELECT v.result_id, v.revision, v.candidate_id, v.exam_code, v.academic_year
        FROM ledger.result_version AS v
        WHERE v.latest AND v.result_id IN (SELECT result_id FROM arrived)
        """
    )
    conn.execute(
        """
        CREATE TEMP TABLE several ON COMMIT DROP AS
        SELECT result_id FROM arrived GROUP BY result_id HAVING count(*) > 1
        """
    )
    conn.execute("ANALYZE known, several")


def _same(one: str, other: str) -> str:
    left = ", ".join(f"{one}.{name}" for name in _CONTENT)
    right = ", ".join(f"{other}.{name}" for name in _CONTENT)
    return f"(({left}) IS NOT DISTINCT FROM ({right}))"


def _settle_repeats(conn: psycopg.Connection) -> None:
    """The same revision again in one feed: the later line is a duplicate or a conflict."""
    conn.execute(
        f"""
        INSERT INTO settled (line, verdict, column_name)
        SELECT line, verdict, CASE WHEN verdict = 'revision-conflict' THEN 'revision' END
        FROM (
            SELECT later.line,
                   CASE WHEN {_same("later", "first")} THEN 'duplicate'
                        ELSE 'revision-conflict' END AS verdict
            FROM (
                SELECT result_id, revision, min(line) AS line
                FROM arrived JOIN several USING (result_id)
                GROUP BY result_id, revision
                HAVING count(*) > 1
            ) AS repeated
            JOIN arrived AS first ON first.line = repeated.line
            JOIN arrived AS later ON later.result_id = repeated.result_id
                 AND later.revision = repeated.revision AND later.line > repeated.line
        ) AS compared
        """
    )


def _settle_against_file(conn: psycopg.Connection) -> None:
    """A revision on file: duplicate or conflict; one below the newest on file: conflict."""
    conn.execute(
        f"""
        INSERT INTO settled (line, verdict, column_name)
        SELECT line, verdict, CASE WHEN verdict = 'revision-conflict' THEN column_name END
        FROM (
            SELECT a.line,
                   CASE WHEN v.result_id IS NOT NULL AND {_same("a", "v")} THEN 'duplicate'
                        WHEN v.result_id IS NOT NULL OR a.revision < k.revision
                             OR a.candidate_id <> k.candidate_id OR a.exam_code <> k.exam_code
                        THEN 'revision-conflict' END AS verdict,
                   CASE WHEN a.candidate_id <> k.candidate_id THEN 'candidate_id'
                        WHEN a.exam_code <> k.exam_code THEN 'exam_code' ELSE 'revision' END AS column_name
            FROM arrived AS a
            JOIN known AS k ON k.result_id = a.result_id
            LEFT JOIN ledger.result_version AS v ON v.result_id = a.result_id AND v.revision = a.revision
        ) AS compared
        WHERE verdict IS NOT NULL
        ON CONFLICT (line) DO UPDATE
        SET verdict = excluded.verdict, column_name = excluded.column_name
        WHERE excluded.verdict = 'duplicate'
        """
    )


def _settle_other_sittings(conn: psycopg.Connection) -> None:
    """Of a result that is new with this feed, a later revision may not name another candidate or exam."""
    conn.execute(
        """
        INSERT INTO settled (line, verdict, column_name)
        SELECT line, 'revision-conflict',
               CASE WHEN candidate_id <> first_candidate THEN 'candidate_id' ELSE 'exam_code' END
        FROM (
            SELECT line, candidate_id, exam_code,
                   first_value(candidate_id) OVER in_order AS first_candidate,
                   first_value(exam_code) OVER in_order AS first_exam
            FROM arrived AS a JOIN several USING (result_id)
            WHERE NOT EXISTS (SELECT FROM known AS k WHERE k.result_id = a.result_id)
              AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
            WINDOW in_order AS (PARTITION BY result_id ORDER BY revision)
        ) AS chain
        WHERE (candidate_id, exam_code) <> (first_candidate, first_exam)
        """
    )


def _insert(conn: psycopg.Connection, *, feed_id: int, history: bool) -> None:
    """Write the rows that nothing settled; keep `latest` on the highest revision of each result."""
    conn.execute(
        """
        CREATE TEMP TABLE chain ON COMMIT DROP AS
        SELECT line, row_number() OVER (PARTITION BY result_id ORDER BY revision) AS place,
               revision = max(revision) OVER (PARTITION BY result_id) AS highest
        FROM arrived AS a JOIN several USING (result_id)
        WHERE NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
        """
    )
    conn.execute(
        """
        UPDATE ledger.result_version AS v
        SET latest = false
        FROM known AS k
        JOIN arrived AS a ON a.result_id = k.result_id
        WHERE v.result_id = k.result_id AND v.revision = k.revision AND v.academic_year = k.academic_year
          AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
        """
    )
    columns = ", ".join(COLUMNS)
    given = ", ".join(f"a.{name}" for name in COLUMNS)
    conn.execute(
        f"""
        INSERT INTO ledger.result_version (academic_year, {columns}, extra, kind, latest, history, feed_id,
                                           line)
        SELECT extract(year FROM a.test_date)::int - (extract(month FROM a.test_date) < {FIRST_MONTH})::int,
               {given}, a.extra,
               CASE WHEN k.result_id IS NOT NULL OR c.place > 1 THEN 'corrected' ELSE 'new' END,
               coalesce(c.highest, true), %s, %s, a.line
        FROM arrived AS a
        LEFT JOIN known AS k ON k.result_id = a.result_id
        LEFT JOIN chain AS c ON c.line = a.line
        WHERE NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
        """,
        [history, feed_id],
    )


def _recorded(conn: psycopg.Connection, feed_id: int) -> Recorded:
    """What stands in the ledger now, counted there."""
    written: dict[str, int] = dict(
        conn.execute(
            """
            SELECT kind, count(*)
            FROM ledger.result_version
            WHERE feed_id = %s AND line IN (SELECT line FROM arrived)
            GROUP BY kind
            """,
            [feed_id],
        ).fetchall()
    )
    row = conn.execute("SELECT count(*) FROM settled WHERE verdict = 'duplicate'").fetchone()
    held = read_frame(
        conn,
        """
        SELECT line, verdict AS reason, column_name
        FROM settled
        WHERE verdict <> 'duplicate'
        ORDER BY line
        """,
    )
    return Recorded(
        new=written.get("new", 0),
        corrected=written.get("corrected", 0),
        duplicate=row[0] if row else 0,
        held=held.astype({"line": "int64"}),
    )


def taken_back(conn: psycopg.Connection, feed_id: int) -> dict[str, int]:
    """The results that revisions of a feed cancel or withhold, each with the newest such revision."""
    rows = conn.execute(
        """
        SELECT result_id, max(revision)
        FROM ledger.result_version
        WHERE feed_id = %s AND status <> 'scored' AND (latest OR status = 'cancelled') AND NOT withdrawn
        GROUP BY result_id
        """,
        [feed_id],
    ).fetchall()
    return dict(rows)


def known_candidates(conn: psycopg.Connection, candidate_ids: Sequence[str]) -> frozenset[str]:
    """Those of the candidates of whom a result is on file."""
    rows = conn.execute(
        """
        SELECT c
        FROM unnest(%s::text[]) AS c
        WHERE EXISTS (SELECT FROM ledger.result_version AS v WHERE v.candidate_id = c AND NOT v.withdrawn)
        """,
        [list(candidate_ids)],
    ).fetchall()
    return frozenset(row[0] for row in rows)
