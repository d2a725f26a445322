"""Local accounts of the portal: for the demo and tests; production signs in by OpenID Connect."""

from collections.abc import Collection, Mapping
from datetime import datetime

import psycopg


def read(conn: psycopg.Connection, email: str) -> tuple[str, str] | None:
    """Name and password hash of an account; None where there is none."""
    row = conn.execute(
        "SELECT name, password_hash FROM ledger.portal_account WHERE email = %s", [email.strip().lower()]
    ).fetchone()
    return (row[0], row[1]) if row else None


def known(conn: psycopg.Connection, emails: Collection[str]) -> frozenset[str]:
    """Those of the addresses that have an account."""
    rows = conn.execute(
        "SELECT email FROM ledger.portal_account WHERE email = ANY(%s)", [sorted(emails)]
    ).fetchall()
    return frozenset(row[0] for row in rows)


def write(
    conn: psycopg.Connection, hashes: Mapping[str, str], names: Mapping[str, str], *, at: datetime
) -> int:
    """Make accounts, or give those that are there another password; both by e-mail address."""
    emails = sorted(hashes)
    return conn.execute(
        """
        INSERT INTO ledger.portal_account (email, name, password_hash, made_at)
        SELECT lower(email), name, password_hash, %s
        FROM unnest(%s::text[], %s::text[], %s::text[]) AS a (email, name, password_hash)
        ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, password_hash = EXCLUDED.password_hash
        """,
        [at, emails, [names[email] for email in emails], [hashes[email] for email in emails]],
    ).rowcount
