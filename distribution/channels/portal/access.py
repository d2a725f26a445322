"""The one place that says whose rows a portal transaction may see.

Row-level security is the fence; the setting below is the gate in it, and it lasts for one transaction. What
fences the gate's keeper is the sign-in to PostgreSQL: in the embedded set-up the session user is a superuser
that took on `distribution_portal`, so SQL injected into it could also take the role off again. A production
deployment of the portal therefore signs in as a login role of its own, made `NOINHERIT NOSUPERUSER`, a member
of `distribution_portal` and of nothing else: for that one, no other role is there to be set.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.pq import TransactionStatus

from distribution.errors import PermanentError

PORTAL_ROLE = "distribution_portal"


class NotThePortalsConnection(PermanentError):
    """Schools' rows were asked for in another role, or in the middle of a transaction."""

    code = "portal-access"


@contextmanager
def as_schools(conn: psycopg.Connection, organizations: Collection[str]) -> Iterator[psycopg.Connection]:
    """A transaction in which `conn` sees the rows of these organisations and no others.

    Setting them is its first statement; with the transaction's end the setting is gone, so that a pooled
    connection never carries it to the next reader. Queries name their schools all the same: two fences.
    All that the block reads is of one snapshot, and what it notes about it too.
    Raises NotThePortalsConnection outside the role `distribution_portal` (every other role sees more, or
    nothing) and where a transaction is already open.
    """
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise NotThePortalsConnection("A portal transaction begins with its schools; end the open one first.")
    if not all(code.isascii() and code.isalnum() for code in organizations):
        raise NotThePortalsConnection("An organisation's code is letters and digits only.")
    former, conn.isolation_level = conn.isolation_level, psycopg.IsolationLevel.REPEATABLE_READ
    try:
        with conn.transaction():
            _set_organizations(conn, organizations)
            yield conn
    finally:
        if not conn.closed:
            conn.isolation_level = former


def _set_organizations(conn: psycopg.Connection, organizations: Collection[str]) -> None:
    row = conn.execute(
        "SELECT set_config('distribution.organizations', %s, true), current_user",
        [",".join(sorted(organizations))],
    ).fetchone()
    if row is None or row[1] != PORTAL_ROLE:
        raise NotThePortalsConnection(
            f"Schools' rows are read in the role {PORTAL_ROLE} alone. Open the connection in that role."
        )
