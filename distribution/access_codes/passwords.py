"""Passwords of local accounts: kept as argon2id, told right from wrong in the same time for all."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id with the parameters of RFC 9106's low-memory profile


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody's password")


def hashed(password: str) -> str:
    """A password as the ledger keeps it."""
    return _hasher().hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; where there is no hash, no after the same time."""
    try:
        _hasher().verify(kept or _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
