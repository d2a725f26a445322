"""What of the portal needs a person: closed doors, requests, codes that came back, guesses."""

from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution import academic_year
from distribution.ledger.holders import HOLDERS

# Released in this academic year: an essay of June that came in July counts as well.
_RELEASED = "shown AND academic_year IN (%(year)s, %(year)s - 1) AND released_on >= %(first_day)s"


def nobody_can_sign_in(conn: psycopg.Connection, *, year: int, on: date) -> list[dict[str, Any]]:
    """Schools with scores released in an academic year that nobody can open, there or at the district.

    Rows: code, name, scores, why (`no-coordinator` | `no-code`).
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""
            WITH school AS (
                SELECT school_code AS code, count(*) AS scores, min(released_on) AS since
                FROM portal.staged_score
                WHERE {_RELEASED} AND reportable_until >= %(on)s
                GROUP BY school_code
            ), organization AS (
                SELECT s.code, s.scores, s.since, coalesce(o.name, '') AS name,
                       coalesce(o.district_code, '') AS district_code
                FROM school AS s
                LEFT JOIN LATERAL (
                    SELECT name, district_code FROM ledger.institution_version AS v
                    WHERE v.code = s.code AND v.replaced_at IS NULL AND v.valid_from <= %(on)s
                    ORDER BY v.valid_from DESC
                    LIMIT 1) AS o ON true
            ), holder AS ({HOLDERS}), door AS (
                SELECT o.code, o.name, o.scores, o.since,
                       EXISTS (SELECT FROM holder AS h
                               WHERE h.organization_code IN (o.code, o.district_code)) AS has_coordinator,
                       EXISTS (SELECT FROM ledger.access_code AS a
                               JOIN holder AS h USING (organization_code)
                               WHERE a.organization_code IN (o.code, o.district_code)
                                 AND a.academic_year = %(year)s
                                 AND a.state NOT IN ('revoked', 'expired')) AS has_code
                FROM organization AS o
            )
            SELECT code, name, scores, since,
                   CASE WHEN has_coordinator THEN 'no-code' ELSE 'no-coordinator' END AS why
            FROM door
            WHERE NOT (has_coordinator AND has_code)
            ORDER BY code COLLATE "C"
            """,
            {"on": on, "codes": _with_districts(conn, year), **_year(year)},
        ).fetchall()


def _with_districts(conn: psycopg.Connection, year: int) -> list[str]:
    rows = conn.execute(
        f"""
        WITH school AS (SELECT DISTINCT school_code FROM portal.staged_score WHERE {_RELEASED})
        SELECT school_code FROM school
        UNION
        SELECT district_code FROM ledger.institution_version
        WHERE code IN (SELECT school_code FROM school) AND replaced_at IS NULL AND district_code <> ''
        """,
        _year(year),
    ).fetchall()
    return [row[0] for row in rows]


def _year(year: int) -> dict[str, Any]:
    return {"year": year, "first_day": academic_year.first_day(year)}


def open_requests(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Requests that wait for operations: kind, count, since (the oldest one's moment)."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT kind, count(*) AS count, min(asked_at)::date AS since
            FROM portal.code_request
            WHERE state = 'open' AND way = 'operations'
            GROUP BY kind
            ORDER BY kind
            """
        ).fetchall()


def bounced_codes(conn: psycopg.Connection, *, year: int) -> list[dict[str, Any]]:
    """Organisations whose code of a year came back: organization_code, since."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT organization_code, issued_at::date AS since FROM ledger.access_code
            WHERE academic_year = %s AND state = 'bounced'
            ORDER BY organization_code COLLATE "C"
            """,
            [year],
        ).fetchall()


def returned_mails(conn: psycopg.Connection, *, on: date) -> list[dict[str, Any]]:
    """Organisations with a contact in force whose address sent a mail back later: organization_code, since.

    Codes that came back are told by `bounced_codes`.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT m.organization_code, min(m.returned_at)::date AS since
            FROM ledger.mail AS m
            LEFT JOIN ledger.access_code AS a USING (code_id)
            WHERE m.returned_at IS NOT NULL
              AND coalesce(a.state, '') <> 'bounced'
              AND EXISTS (
                  SELECT FROM ledger.contact AS c
                  WHERE c.organization_code = m.organization_code
                    AND lower(c.email) = lower(m.to_address)
                    AND c.valid_from <= %(on)s AND (c.valid_to IS NULL OR c.valid_to >= %(on)s)
                  UNION ALL
                  SELECT FROM portal.named_contact AS n
                  WHERE n.organization_code = m.organization_code
                    AND lower(n.email) = lower(m.to_address)
                    AND n.ended_at IS NULL)
            GROUP BY m.organization_code
            ORDER BY m.organization_code COLLATE "C"
            """,
            {"on": on},
        ).fetchall()


def disowned(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Schools that say a score is no student of theirs, unsettled: school_code, count, since."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT school_code, count(*) AS count, min(marked_at)::date AS since
            FROM portal.not_our_student
            WHERE state = 'open'
            GROUP BY school_code
            ORDER BY school_code COLLATE "C"
            """
        ).fetchall()


def most_wrong_codes(conn: psycopg.Connection, *, since: datetime) -> int:
    """The most wrong codes that came within one clock hour since a moment."""
    row = conn.execute(
        """
        SELECT coalesce(max(number), 0)
        FROM (SELECT count(*) AS number FROM portal.access_event
              WHERE kind = 'code' AND outcome = 'wrong' AND happened_at >= %s
              GROUP BY date_trunc('hour', happened_at)) AS hours
        """,
        [since],
    ).fetchone()
    return int(row[0]) if row else 0
