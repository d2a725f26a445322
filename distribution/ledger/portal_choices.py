"""What people of the portal chose about notices, and where their code went."""

from collections.abc import Mapping
from datetime import date, datetime

import psycopg

from distribution.model import NoticeFrequency


def zone_of(conn: psycopg.Connection, code: str, *, on: date) -> str:
    """The organisation's time zone on a day; empty where none is on file."""
    row = conn.execute(
        """
        SELECT time_zone FROM ledger.institution_version
        WHERE code = %s AND replaced_at IS NULL AND valid_from <= %s
        ORDER BY valid_from DESC
        LIMIT 1
        """,
        [code, on],
    ).fetchone()
    return str(row[0]) if row else ""


def code_mails(conn: psycopg.Connection, code: str, *, year: int) -> list[tuple[str, str, datetime | None]]:
    """Address, state and moment of each mail that carries the organisation's code of a year, newest first.

    In the portal's role inside `channels.portal.access.as_schools`: outside it no mail is seen.
    """
    return conn.execute(
        """
        SELECT m.to_address, m.state, m.sent_at
        FROM ledger.mail AS m
        JOIN ledger.access_code AS a USING (code_id)
        WHERE a.organization_code = %s AND a.academic_year = %s
        ORDER BY m.sent_at DESC NULLS FIRST
        """,
        [code, year],
    ).fetchall()


def choose_notice(
    conn: psycopg.Connection, person_id: int, code: str, frequency: NoticeFrequency, *, at: datetime
) -> None:
    conn.execute(
        """
        INSERT INTO portal.notice_preference (person_id, organization_code, frequency, chosen_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id, organization_code) DO UPDATE
        SET frequency = excluded.frequency, chosen_at = excluded.chosen_at
        """,
        [person_id, code, frequency, at],
    )


def notices_of(conn: psycopg.Connection, person_id: int) -> Mapping[str, NoticeFrequency]:
    rows = conn.execute(
        "SELECT organization_code, frequency FROM portal.notice_preference WHERE person_id = %s", [person_id]
    ).fetchall()
    return {code: NoticeFrequency(frequency) for code, frequency in rows}
