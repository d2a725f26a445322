"""Who somebody is: what every sign-in tells, and local accounts with argon2 for the demo and tests."""

from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from distribution.errors import PermanentError
from distribution.jobs.wiring import Line
from distribution.ledger import portal_accounts
from distribution.ledger.connection import Role

LOCAL_ISSUER = "local"


class SignInFailed(PermanentError):
    """The provider did not tell who it is."""

    code = "sign-in-failed"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as an issuer knows them."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str = ""


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id with the parameters of RFC 9106's low-memory profile


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody's password")


def hashed(password: str) -> str:
    """A password as the ledger keeps it."""
    return _hasher().hash(password)


def local_identity(line: Line, *, email: str, password: str) -> Identity | None:
    """Who signs in with a local account; None, after the same time, for a wrong password or address."""
    with line.connect(role=Role.PORTAL) as conn:
        found = portal_accounts.read(conn, email)
    name, kept = found or ("", _hash_of_nobody())
    try:
        _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return None
    if found is None:
        return None
    address = email.strip().lower()
    return Identity(LOCAL_ISSUER, address, address, email_verified=True, name=name)
