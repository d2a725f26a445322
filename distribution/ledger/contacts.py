"""Contacts of organisations in the ledger: who may be written to, from when to when."""

from datetime import date, timedelta

import pandas as pd
import psycopg

from distribution.ledger.connection import copy_frame, read_frame
from distribution.ledger.feeds import NO_ROW_HELD, Recorded

COLUMNS = ("organization_code", "role", "name", "email", "valid_from", "valid_to")
_TYPES = {"valid_from": "date", "valid_to": "date"}


def record(
    conn: psycopg.Connection, rows: pd.DataFrame, *, feed_id: int, feed_date: date, held: pd.DataFrame
) -> Recorded:
    """Record the full picture of the organisations that a feed names.

    `rows`: `COLUMNS` (`str`), `line` (int64), `extra` (JSON) where there is one. Contacts on file that the
    feed no longer has end the day before `feed_date`; where a row of the same organisation and role was
    held (`held`: `organization_code`, `role`) the picture is not full and they stay.
    A mailbox in a role that is not on file is new; one with other content is corrected.
    """
    _stage(conn, rows, held)
    content = " AND ".join(f"c.{name} IS NOT DISTINCT FROM a.{name}" for name in COLUMNS)
    conn.execute(
        f"""
        CREATE TEMP TABLE changed ON COMMIT DROP AS
        SELECT DISTINCT ON ({", ".join(COLUMNS)}) a.*,
               NOT EXISTS (
                   SELECT FROM ledger.contact AS c
                   WHERE c.organization_code = a.organization_code AND c.role = a.role AND c.email = a.email
               ) AS is_new
        FROM arrived AS a
        WHERE NOT EXISTS (SELECT FROM ledger.contact AS c WHERE {content})
        ORDER BY {", ".join(COLUMNS)}, line
        """
    )
    _end_others(conn, content=content, last=feed_date - timedelta(days=1))
    conn.execute(
        f"""
        INSERT INTO ledger.contact ({", ".join(COLUMNS)}, extra, feed_id, line)
        SELECT {", ".join(COLUMNS)}, extra, %s, line FROM changed ORDER BY line
        """,
        [feed_id],
    )
    row = conn.execute("SELECT count(*) FILTER (WHERE is_new), count(*) FROM changed").fetchone()
    new, written = row if row else (0, 0)
    nothing = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in NO_ROW_HELD.items()})
    return Recorded(new=new, corrected=written - new, duplicate=len(rows) - written, held=nothing)


def _stage(conn: psycopg.Connection, rows: pd.DataFrame, held: pd.DataFrame) -> None:
    conn.execute("DROP TABLE IF EXISTS arrived, changed, incomplete")
    columns = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
    conn.execute(f"CREATE TEMP TABLE arrived (line int, {columns}, extra jsonb) ON COMMIT DROP")
    conn.execute("CREATE TEMP TABLE incomplete (organization_code text, role text) ON COMMIT DROP")
    chosen = ["line", *COLUMNS, *(["extra"] if "extra" in rows else [])]
    copy_frame(conn, rows[chosen].assign(valid_to=rows["valid_to"].where(rows["valid_to"] != "")), "arrived")
    copy_frame(conn, held[["organization_code", "role"]], "incomplete")


def _end_others(conn: psycopg.Connection, *, content: str, last: date) -> None:
    conn.execute(
        f"""
        UPDATE ledger.contact AS c
        SET valid_to = %(last)s
        WHERE c.organization_code IN (SELECT organization_code FROM arrived
                                      UNION SELECT organization_code FROM incomplete)
          AND (c.valid_to IS NULL OR c.valid_to > %(last)s)
          AND NOT EXISTS (SELECT FROM arrived AS a WHERE {content})
          AND NOT EXISTS (SELECT FROM incomplete AS i
                          WHERE i.organization_code = c.organization_code AND i.role = c.role)
        """,
        {"last": last},
    )


def in_force(conn: psycopg.Connection, on: date) -> pd.DataFrame:
    """The contacts in force on a day: organization_code, role, name, email, valid_from (all `str`).

    Of several coordinators at once the one with the latest `valid_from` is the coordinator.
    """
    return read_frame(
        conn,
        """
        SELECT organization_code, role, name, email, valid_from
        FROM (
            SELECT *, row_number() OVER (PARTITION BY organization_code, role
                                         ORDER BY valid_from DESC, contact_id DESC) AS place
            FROM ledger.contact
            WHERE valid_from <= %(on)s AND (valid_to IS NULL OR valid_to >= %(on)s)
        ) AS c
        WHERE role <> 'coordinator' OR place = 1
        ORDER BY organization_code, role, valid_from, email
        """,
        {"on": on},
    )
