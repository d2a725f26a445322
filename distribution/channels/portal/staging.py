"""Staging: pending portal deliveries become rows that schools see, all of them at once or none."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from distribution import exams
from distribution.model import Action, ResultStatus

_WORDS = {
    "cancellation": Action.CANCELLATION.value,
    "new": Action.NEW.value,
    "cancelled": ResultStatus.CANCELLED.value,
    "scored": ResultStatus.SCORED.value,
}


@dataclass(frozen=True, slots=True)
class Staged:
    """What now stands in the schools' table, counted and hashed from the table itself."""

    rows: int
    schools: tuple[str, ...]
    sha256: str
    size_bytes: int


def stage(conn: psycopg.Connection, delivery_ids: Sequence[int], *, on: date) -> Staged:
    """Put deliveries into `portal.staged_score` and show each school the newest revision of each result.

    `on` is the day from which the rows say they are released. Needs the pipeline's role and leaves the
    transaction open: the caller commits it together with the deliveries' new state and the receipt.
    Deliveries that are staged already stay as they are.
    """
    _take_aside(conn, delivery_ids)
    _look_up_exams(conn)
    _insert_rows(conn, on=on)
    _note_former_scores(conn)
    _show_the_newest(conn)
    return _read_back(conn)


def _take_aside(conn: psycopg.Connection, delivery_ids: Sequence[int]) -> None:
    conn.execute("DROP TABLE IF EXISTS staging_now, exam_on_day")
    conn.execute(
        """
        CREATE TEMP TABLE staging_now ON COMMIT DROP AS
        SELECT delivery_id, recipient AS school_code, result_id, revision, academic_year, action, occasion
        FROM ledger.delivery
        WHERE delivery_id = ANY(%s)
        """,
        [list(delivery_ids)],
    )
    conn.execute("ANALYZE staging_now")


def _look_up_exams(conn: psycopg.Connection) -> None:
    """Title, credits and last reportable day, once for each exam, test date and score that occurs."""
    seen = conn.execute(
        """
        SELECT DISTINCT v.exam_code, v.test_date, v.scaled_score
        FROM staging_now AS n
        JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
        """
    ).fetchall()
    conn.execute(
        """
        CREATE TEMP TABLE exam_on_day (
            exam_code text, test_date date, scaled_score smallint,
            exam_title text, recommended_credits smallint, reportable_until date
        ) ON COMMIT DROP
        """
    )
    with conn.cursor() as cursor, cursor.copy("COPY exam_on_day FROM STDIN") as rows:
        for code, tested_on, score in seen:
            credits = exams.recommended_credits(code, score, tested_on) if score is not None else None
            title = exams.title_of(code, tested_on)
            rows.write_row((code, tested_on, score, title, credits, exams.last_reportable_day(tested_on)))
    conn.execute("ANALYZE exam_on_day")


def _insert_rows(conn: psycopg.Connection, *, on: date) -> None:
    """A cancellation carries no score into the table; one that only takes a score back is never shown.

    X with a revision that is cancelled stays as a row and says so. X with any other means that the revision
    no longer names this school: the row leaves its view.
    """
    conn.execute(
        """
        INSERT INTO portal.staged_score (
            academic_year, school_code, delivery_id, result_id, revision, action, status, shown,
            candidate_id, last_name, first_name, middle_name, birth_date, gender, exam_code, exam_title,
            test_date, scaled_score, recommended_credits, funding, voucher_order_id, seen_because,
            local_student_id, grade, released_on, reportable_until)
        SELECT v.academic_year, d.recipient, d.delivery_id, v.result_id, v.revision, d.action, v.status,
               d.action <> %(cancellation)s OR v.status = %(cancelled)s,
               v.candidate_id, v.last_name, v.first_name, v.middle_name, v.birth_date, v.gender,
               v.exam_code, e.exam_title, v.test_date,
               CASE WHEN d.action <> %(cancellation)s THEN v.scaled_score END,
               CASE WHEN d.action <> %(cancellation)s THEN e.recommended_credits END,
               v.funding, v.voucher_order_id, array_to_string(d.reasons, ' '),
               v.local_student_id, v.grade, %(on)s, e.reportable_until
        FROM staging_now AS n
        JOIN ledger.delivery AS d USING (delivery_id)
        JOIN ledger.result_version AS v
          ON v.result_id = d.result_id AND v.revision = d.revision AND v.academic_year = d.academic_year
        JOIN exam_on_day AS e
          ON e.exam_code = v.exam_code
         AND e.test_date = v.test_date
         AND e.scaled_score IS NOT DISTINCT FROM v.scaled_score
        ON CONFLICT (school_code, academic_year, delivery_id) DO NOTHING
        """,
        {**_WORDS, "on": on},
    )


def _note_former_scores(conn: psycopg.Connection) -> None:
    """A corrected score carries the one that the school saw before, so that it can be told what changed.

    Never across a cancellation, whether it reached the school or was settled before it left.
    """
    conn.execute(
        """
        UPDATE portal.staged_score AS s
        SET former_score = before.scaled_score
        FROM staging_now AS n
        CROSS JOIN LATERAL (
            SELECT o.status, o.action, o.revision, o.scaled_score
            FROM portal.staged_score AS o
            WHERE o.school_code = n.school_code
              AND o.result_id = n.result_id
              AND o.revision < n.revision
            ORDER BY o.revision DESC, o.delivery_id DESC
            LIMIT 1
        ) AS before
        WHERE n.action NOT IN (%(new)s, %(cancellation)s)
          AND s.school_code = n.school_code
          AND s.academic_year = n.academic_year
          AND s.delivery_id = n.delivery_id
          AND s.status = %(scored)s
          AND before.status = %(scored)s
          AND before.action <> %(cancellation)s
          AND before.scaled_score <> s.scaled_score
          AND NOT EXISTS (
              SELECT FROM ledger.result_version AS v
              WHERE v.result_id = n.result_id
                AND v.revision BETWEEN before.revision AND n.revision
                AND v.status = %(cancelled)s)
        """,
        _WORDS,
    )


def _show_the_newest(conn: psycopg.Connection) -> None:
    """Of several revisions that a school got of one result, only the newest is shown.

    A first delivery that is new replaces nothing, so a usual night looks at few rows. A corrected test date
    may move a result into another academic year: years are not compared.
    """
    conn.execute(
        """
        UPDATE portal.staged_score AS older
        SET shown = false, score_hidden = false
        FROM staging_now AS n
        JOIN portal.staged_score AS newer
          ON newer.school_code = n.school_code AND newer.result_id = n.result_id
        WHERE (n.action <> %(new)s OR n.occasion <> 'first')
          AND older.school_code = n.school_code
          AND older.result_id = n.result_id
          AND older.shown
          AND (older.revision, older.delivery_id) < (newer.revision, newer.delivery_id)
        """,
        _WORDS,
    )


_HIDE = """
    UPDATE portal.staged_score AS s
    SET score_hidden = true
    FROM ({taken_back}) AS t
    WHERE s.result_id = t.result_id
      AND s.revision < t.revision
      AND s.shown
      AND s.status = %(scored)s
      AND NOT s.score_hidden
"""


def hide(conn: psycopg.Connection, taken_back: Mapping[str, int]) -> int:
    """Hide what schools see of results (result → revision) that this revision took back. How many rows."""
    given = {"results": list(taken_back), "revisions": list(taken_back.values())}
    arrived = "SELECT * FROM unnest(%(results)s::text[], %(revisions)s::int[]) AS u (result_id, revision)"
    return conn.execute(_HIDE.format(taken_back=arrived), {**_WORDS, **given}).rowcount


def hide_unsettled(conn: psycopg.Connection) -> int:
    """Hide the scores that a revision on file has taken back: a cancellation, or a withheld one.

    A score withheld after delivery sends nothing to the school; its row stays without the score. The same
    holds for one that is cancelled on file while the cancellation is still on its way, also where a later
    revision has a score again: nobody sees the former one. Returns how many rows were hidden.
    """
    on_file = """
        SELECT result_id, revision
        FROM ledger.result_version
        WHERE status <> %(scored)s AND (latest OR status = %(cancelled)s) AND NOT withdrawn
    """
    return conn.execute(_HIDE.format(taken_back=on_file), _WORDS).rowcount


def show_settled(conn: psycopg.Connection) -> int:
    """Show the scores again that were withheld and are settled; a cancelled one never. How many rows."""
    return conn.execute(
        """
        UPDATE portal.staged_score AS s
        SET score_hidden = false
        FROM ledger.result_version AS v
        WHERE s.score_hidden
          AND v.result_id = s.result_id
          AND v.latest
          AND v.status = %(scored)s
          AND NOT EXISTS (
              SELECT FROM ledger.result_version AS c
              WHERE c.result_id = s.result_id
                AND c.revision > s.revision
                AND c.status = %(cancelled)s
                AND NOT c.withdrawn)
        """,
        _WORDS,
    ).rowcount


def _read_back(conn: psycopg.Connection) -> Staged:
    """Count and hash what stands in the table for these deliveries: school, result, revision, score."""
    digest, size_bytes = hashlib.sha256(), 0
    with (
        conn.cursor() as cursor,
        cursor.copy(
            """
            COPY (
                SELECT s.delivery_id, s.school_code, s.result_id, s.revision, s.action, s.status,
                       s.scaled_score
                FROM staging_now AS n
                JOIN portal.staged_score AS s USING (school_code, academic_year, delivery_id)
                ORDER BY s.delivery_id
            ) TO STDOUT
            """
        ) as rows,
    ):
        for block in rows:
            digest.update(block)
            size_bytes += len(block)
    counted = conn.execute(
        """
        SELECT count(*), array_agg(DISTINCT s.school_code)
        FROM staging_now AS n
        JOIN portal.staged_score AS s USING (school_code, academic_year, delivery_id)
        """
    ).fetchone()
    count, schools = counted if counted else (0, None)
    return Staged(count, tuple(sorted(schools or ())), digest.hexdigest(), size_bytes)
