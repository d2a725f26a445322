"""Retests that come too soon: the same exam by the same candidate within the programme's months."""

import pandas as pd
import psycopg

from distribution.exams import programme
from distribution.ledger.connection import copy_frame


def hold(conn: psycopg.Connection, *, first: str, last: str) -> None:
    """Mark in `settled` the rows of `arrived` that follow or precede another test too closely.

    The later line is held: it is the later test, or one of the same day, or an earlier test that arrives
    last. `first` and `last` are the earliest and latest test date of the feed (ISO). What counts is the
    newest revision of each result, where it is scored; a revision whose test date was on file as scored
    is looked at no more, so that a released retake may be corrected.
    """
    _collect_tests(conn)
    pairs = _too_close(conn, first=first, last=last)
    held: set[int] = set()
    for line, other in pairs:
        if other is None or other not in held:
            held.add(line)
    if held:
        frame = pd.DataFrame({"line": sorted(held)})
        frame[["verdict", "column_name"]] = "retake-too-soon", "test_date"
        copy_frame(conn, frame, "settled")


def _collect_tests(conn: psycopg.Connection) -> None:
    """`tests`: scored rows whose candidate stands in the feed with several rows of one exam."""
    conn.execute(
        """
        CREATE TEMP TABLE tests ON COMMIT DROP AS
        SELECT a.line, a.result_id, a.candidate_id, a.exam_code, a.test_date,
               NOT EXISTS (
                   SELECT FROM arrived AS higher JOIN several AS m USING (result_id)
                   WHERE higher.result_id = a.result_id AND higher.revision > a.revision
                     AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = higher.line)
               ) AS newest
        FROM (
            SELECT candidate_id, exam_code
            FROM arrived
            WHERE status = 'scored'
            GROUP BY candidate_id, exam_code
            HAVING count(*) > 1
        ) AS again
        JOIN arrived AS a USING (candidate_id, exam_code)
        WHERE a.status = 'scored' AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
        """
    )
    conn.execute("ANALYZE tests")


def _too_close(conn: psycopg.Connection, *, first: str, last: str) -> list[tuple[int, int | None]]:
    """Pairs of a line and what stands too close to it: an earlier line, or (None) a test on file."""
    return conn.execute(
        """
        WITH pair AS (
            SELECT t.line, t.result_id, t.test_date, earlier.line AS other
            FROM tests AS t
            JOIN tests AS earlier ON earlier.candidate_id = t.candidate_id
                 AND earlier.exam_code = t.exam_code AND earlier.result_id <> t.result_id
                 AND earlier.line < t.line AND earlier.newest
            WHERE t.test_date < earlier.test_date + %(months)s::interval
              AND earlier.test_date < t.test_date + %(months)s::interval
            UNION ALL
            SELECT a.line, a.result_id, a.test_date, NULL
            FROM arrived AS a
            JOIN ledger.result_version AS v ON v.candidate_id = a.candidate_id
                 AND v.exam_code = a.exam_code AND v.result_id <> a.result_id
            WHERE a.status = 'scored' AND v.latest AND v.status = 'scored' AND NOT v.withdrawn
              AND v.academic_year BETWEEN extract(year FROM %(first)s::date)::int - 2
                                      AND extract(year FROM %(last)s::date)::int + 1
              AND a.test_date < v.test_date + %(months)s::interval
              AND v.test_date < a.test_date + %(months)s::interval
              AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = a.line)
              -- A test on file that this feed itself revises counts as the feed says.
              AND NOT EXISTS (
                  SELECT FROM arrived AS own
                  JOIN known USING (result_id)
                  WHERE own.result_id = v.result_id
                    AND NOT EXISTS (SELECT FROM settled AS s WHERE s.line = own.line))
        )
        SELECT line, other
        FROM pair
        WHERE NOT EXISTS (
            SELECT FROM known AS k
            JOIN ledger.result_version AS v ON v.result_id = k.result_id
            WHERE k.result_id = pair.result_id AND v.status = 'scored' AND v.test_date = pair.test_date)
        ORDER BY line, other
        """,
        {"months": f"{programme().retest_months} months", "first": first, "last": last},
    ).fetchall()
