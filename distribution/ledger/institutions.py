"""Institutions in the ledger: versions, each in force from a day on; nothing is deleted."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import psycopg

from distribution.ledger.connection import copy_frame, read_frame
from distribution.ledger.feeds import NO_ROW_HELD, Recorded
from distribution.model import InstitutionKind, PostalAddress

COLUMNS = (
    "code", "name", "kind", "district_code", "delivery_method", "attention", "address_1", "address_2", "city",
    "state", "postal_code", "country", "status", "successor_code", "time_zone", "valid_from",
)  # fmt: skip
_LIST = ", ".join(COLUMNS)
_METHOD = """CASE WHEN p.on_paper AND delivery_method = 'electronic' THEN 'paper'
                  ELSE delivery_method END AS delivery_method"""


def record(conn: psycopg.Connection, rows: pd.DataFrame, *, feed_id: int) -> Recorded:
    """Record a feed's accepted rows.

    `rows`: `COLUMNS` (`str`), `line` (int64), `extra` (JSON text) where there is one.

    A code that is not on file is new; other content makes a version from `valid_from` (corrected), the
    same `valid_from` again replaces that version; content on file is a duplicate.
    """
    _stage(conn, rows)
    conn.execute(
        """
        UPDATE ledger.institution_version AS v
        SET replaced_at = clock_timestamp()
        FROM changed AS c
        WHERE v.code = c.code AND v.valid_from = c.valid_from AND v.replaced_at IS NULL
        """
    )
    conn.execute(
        f"""
        INSERT INTO ledger.institution_version ({_LIST}, extra, feed_id, line)
        SELECT {_LIST}, extra, %s, line FROM changed ORDER BY line
        """,
        [feed_id],
    )
    row = conn.execute("SELECT count(*) FILTER (WHERE is_new), count(*) FROM changed").fetchone()
    new, written = row if row else (0, 0)
    held = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in NO_ROW_HELD.items()})
    return Recorded(new=new, corrected=written - new, duplicate=len(rows) - written, held=held)


def _stage(conn: psycopg.Connection, rows: pd.DataFrame) -> None:
    """`arrived`: the rows; `changed`: one line of each content that is not on file."""
    conn.execute("DROP TABLE IF EXISTS arrived, changed")
    texts = ", ".join(f"{name} {'date' if name == 'valid_from' else 'text'}" for name in COLUMNS)
    conn.execute(f"CREATE TEMP TABLE arrived (line int, {texts}, extra jsonb) ON COMMIT DROP")
    copy_frame(conn, rows[["line", *COLUMNS, *(["extra"] if "extra" in rows else [])]], "arrived")
    content = ", ".join(f"a.{name}" for name in COLUMNS)
    on_file = ", ".join(f"v.{name}" for name in COLUMNS)
    conn.execute(
        f"""
        CREATE TEMP TABLE changed ON COMMIT DROP AS
        SELECT DISTINCT ON ({content}) a.*,
               NOT EXISTS (SELECT FROM ledger.institution_version AS v WHERE v.code = a.code) AS is_new
        FROM arrived AS a
        WHERE NOT EXISTS (
            SELECT FROM ledger.institution_version AS v
            WHERE v.replaced_at IS NULL AND v.code = a.code AND ({on_file}) = ({content}))
        ORDER BY {content}, a.line
        """
    )


def in_force(conn: psycopg.Connection, on: date) -> pd.DataFrame:
    """The version of each institution in force on a day: `COLUMNS`, all `str`; an empty text is no value.

    One that gets paper for a time, because its host could not be reached, has the method paper.
    """
    return read_frame(
        conn,
        f"""
        SELECT DISTINCT ON (code) {_LIST.replace("delivery_method", _METHOD)}
        FROM ledger.institution_version
        LEFT JOIN (
            SELECT code, true AS on_paper FROM ledger.paper_fallback WHERE ended_at IS NULL
        ) AS p USING (code)
        WHERE replaced_at IS NULL AND valid_from <= %(on)s
        ORDER BY code, valid_from DESC
        """,
        {"on": on},
    )


def seen_by(conn: psycopg.Connection, code: str, on: date) -> dict[str, str]:
    """The organisations whose scores `code` sees on a day (code → name): itself, and a district's schools."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (v.code) v.code, v.name, v.district_code, v.kind
        FROM ledger.institution_version AS v
        WHERE v.replaced_at IS NULL
          AND v.valid_from <= %(on)s
          AND v.code IN (SELECT %(code)s
                         UNION
                         SELECT m.code
                         FROM ledger.institution_version AS m
                         WHERE m.replaced_at IS NULL AND m.district_code = %(code)s AND m.district_code <> '')
        ORDER BY v.code, v.valid_from DESC
        """,
        {"code": code, "on": on},
    ).fetchall()
    is_district = any(own == code and kind == InstitutionKind.DISTRICT for own, _, _, kind in rows)
    return {own: name for own, name, district, _ in rows if own == code or (is_district and district == code)}


def newest(conn: psycopg.Connection) -> pd.DataFrame:
    """`code`, `kind`, `successor_code` (all `str`) of each institution's newest version, in force or not."""
    return read_frame(
        conn,
        """
        SELECT DISTINCT ON (code) code, kind, successor_code
        FROM ledger.institution_version
        WHERE replaced_at IS NULL
        ORDER BY code, valid_from DESC
        """,
    )


def known_codes(conn: psycopg.Connection, codes: Sequence[str]) -> frozenset[str]:
    """Those of the codes that are on file."""
    rows = conn.execute(
        "SELECT DISTINCT code FROM ledger.institution_version WHERE code = ANY(%s)", [list(codes)]
    ).fetchall()
    return frozenset(row[0] for row in rows)


def addresses(conn: psycopg.Connection, on: date, codes: Sequence[str]) -> dict[str, PostalAddress]:
    """The postal address in force on a day of each of the codes that is on file."""
    columns = ("name", "attention", "address_1", "address_2", "city", "state", "postal_code", "country")
    rows = conn.execute(
        f"""
        SELECT DISTINCT ON (code) code, {", ".join(columns)}
        FROM ledger.institution_version
        WHERE replaced_at IS NULL AND valid_from <= %s AND code = ANY(%s)
        ORDER BY code, valid_from DESC
        """,
        [on, list(codes)],
    ).fetchall()
    return {code: PostalAddress(**dict(zip(columns, parts, strict=True))) for code, *parts in rows}
