"""Local accounts of the portal: for the demo and tests; production signs in by OpenID Connect."""

from collections.abc import Collection, Mapping

from distribution.access_codes import passwords
from distribution.jobs.wiring import Line
from distribution.ledger import portal_accounts
from distribution.ledger.connection import Role


def name_of(line: Line, *, email: str, password: str) -> str | None:
    """The name of the account; None, after the same time, for a wrong password and an unknown address."""
    with line.connect(role=Role.PORTAL) as conn:
        found = portal_accounts.read(conn, email)
    name, kept = found or ("", None)
    return name if passwords.is_right(kept, password) else None


def known(line: Line, emails: Collection[str]) -> frozenset[str]:
    """Those of the addresses that have an account."""
    with line.connect() as conn:
        return portal_accounts.known(conn, emails)


def write(line: Line, chosen: Mapping[str, str], names: Mapping[str, str]) -> int:
    """Make accounts (e-mail address → password), or give those that are there a new password."""
    hashes = {email: passwords.hashed(password) for email, password in chosen.items()}
    with line.connect() as conn:
        return portal_accounts.write(conn, hashes, names, at=line.now())
