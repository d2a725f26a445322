"""PGP keys for tests, of the kinds that institutions have."""

from dataclasses import dataclass

import pysequoia
from pysequoia import Tsk

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Partner:
    """An institution's key pair."""

    secret: Tsk

    @property
    def public(self) -> str:
        return str(self.secret.extract_certificate())

    def open(self, content: bytes, *signed_by: "Partner") -> bytes:
        """What the institution decrypts; with `signed_by` the signature must be theirs."""
        known = [each.secret.extract_certificate() for each in signed_by]
        found = pysequoia.decrypt(
            content, decryptor=self.secret.decryptor(), store=(lambda _: known) if known else None
        )
        assert len(found.valid_sigs) == len(signed_by)
        return found.bytes


def rsa() -> Partner:
    return Partner(Tsk.generate("ZZTEST <rsa@example.org>", cipher_suite=pysequoia.CipherSuite.RSA2k))


def modern(*, days: int | None = None) -> Partner:
    """Curve 25519 as most programs make it today; `days` until it ends, counted from now."""
    seconds = None if days is None else days * SECONDS_A_DAY
    return Partner(Tsk.generate("ZZTEST <x@example.org>", validity_seconds=seconds))


def newest() -> Partner:
    """A version 6 key of RFC 9580."""
    return Partner(Tsk.generate("ZZTEST <v6@example.org>", profile=pysequoia.Profile.RFC9580))
