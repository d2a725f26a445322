"""Notices of new scores: who hears of them, how often, and how far they have been counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from distribution.ledger.holders import HOLDERS
from distribution.model import Action, InstitutionKind


@dataclass(frozen=True, slots=True)
class Recipient:
    """A coordinator or alternate in force and how often he hears of new scores."""

    organization_code: str
    organization: str
    name: str
    email: str
    frequency: str
    counted_through: datetime | None
    noticed_on: date | None


def recipients(conn: psycopg.Connection, *, on: date) -> list[Recipient]:
    """Coordinators and alternates in force on a day; weekly where the person behind one chose nothing."""
    named = conn.execute(
        """
        SELECT organization_code FROM ledger.contact WHERE role IN ('coordinator', 'alternate')
        UNION
        SELECT organization_code FROM portal.named_contact WHERE ended_at IS NULL
        """
    ).fetchall()
    with conn.cursor(row_factory=class_row(Recipient)) as cursor:
        return cursor.execute(
            f"""
            SELECT DISTINCT ON (h.organization_code, h.email)
                   h.organization_code, o.name AS organization, h.name, h.email,
                   coalesce(f.frequency, 'weekly') AS frequency, n.counted_through, n.noticed_on
            FROM ({HOLDERS}) AS h
            JOIN LATERAL (
                SELECT name FROM ledger.institution_version AS v
                WHERE v.code = h.organization_code AND v.replaced_at IS NULL AND v.valid_from <= %(on)s
                ORDER BY v.valid_from DESC
                LIMIT 1) AS o ON true
            LEFT JOIN portal.binding AS b
              ON b.organization_code = h.organization_code AND b.email = h.email AND b.ended_at IS NULL
            LEFT JOIN portal.notice_preference AS f
              ON f.person_id = b.person_id AND f.organization_code = h.organization_code
            LEFT JOIN ledger.notice AS n
              ON n.organization_code = h.organization_code AND n.email = h.email
            ORDER BY h.organization_code, h.email, h.role DESC
            """,
            {"codes": [row[0] for row in named], "on": on},
        ).fetchall()


def counts(
    conn: psycopg.Connection, since: Mapping[Recipient, datetime], *, until: datetime, on: date
) -> dict[Recipient, tuple[int, int]]:
    """New and changed scores in view since each recipient's own moment, where there are any.

    A district counts its schools' as well. What may no longer be reported on `on` is left out, and so is what
    came with a history: earlier results are no news.
    """
    if not since:
        return {}
    everyone = list(since)
    rows = conn.execute(
        """
        WITH recipient AS (
            SELECT * FROM unnest(%(places)s::int[], %(codes)s::text[], %(since)s::timestamptz[])
                     AS r (place, code, since)
        ), organization AS (
            SELECT DISTINCT ON (code) code, kind, district_code
            FROM ledger.institution_version
            WHERE replaced_at IS NULL AND valid_from <= %(on)s
            ORDER BY code, valid_from DESC
        ), school AS (
            SELECT r.place, r.since, r.code AS school_code FROM recipient AS r
            UNION
            SELECT r.place, r.since, s.code
            FROM recipient AS r
            JOIN organization AS d ON d.code = r.code AND d.kind = %(district)s
            JOIN organization AS s ON s.district_code = d.code
        )
        SELECT n.place, count(*) FILTER (WHERE s.action = %(new)s),
               count(*) FILTER (WHERE s.action <> %(new)s)
        FROM school AS n
        JOIN portal.score AS s USING (school_code)
        JOIN ledger.result_version AS v USING (academic_year, result_id, revision)
        WHERE s.staged_at > n.since AND s.staged_at <= %(until)s AND s.reportable_until >= %(on)s
          AND NOT v.history
        GROUP BY n.place
        """,
        {
            "places": list(range(len(everyone))),
            "codes": [each.organization_code for each in everyone],
            "since": [since[each] for each in everyone],
            "until": until,
            "on": on,
            "new": Action.NEW,
            "district": InstitutionKind.DISTRICT,
        },
    ).fetchall()
    return {everyone[place]: (new, changed) for place, new, changed in rows}


def note(conn: psycopg.Connection, told: Sequence[Recipient], *, through: datetime, on: date) -> None:
    """Note how far the notices of these recipients have counted, and on which day."""
    conn.execute(
        """
        INSERT INTO ledger.notice (organization_code, email, counted_through, noticed_on)
        SELECT code, email, %s, %s FROM unnest(%s::text[], %s::text[]) AS t (code, email)
        ON CONFLICT (organization_code, email) DO UPDATE
        SET counted_through = excluded.counted_through, noticed_on = excluded.noticed_on
        """,
        [through, on, [each.organization_code for each in told], [each.email for each in told]],
    )
