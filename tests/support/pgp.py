"""PGP keys for tests, of the kinds that institutions have."""

from dataclasses import dataclass

import pysequoia
from pysequoia import Cert, Tsk
from pysequoia.packet import Packet, PacketPile, Tag

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


def sign_only() -> str:
    """The public key of somebody who can sign and not decrypt: its encryption subkey was left out."""
    certificate = modern().secret.extract_certificate()
    keys: list[list[Packet]] = []
    for packet in PacketPile.from_bytes(bytes(certificate)):
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            keys.append([])
        keys[-1].append(packet)
    return str(Cert.from_packets([packet for key in keys if not _encrypts(key) for packet in key]))


def _encrypts(key: list[Packet]) -> bool:
    flags = [packet.key_flags for packet in key if packet.tag == Tag.Signature and packet.key_flags]
    return any(each.storage_encryption or each.transport_encryption for each in flags)


def revoked() -> str:
    """A public key that its owner revoked."""
    partner = modern()
    certificate = partner.secret.extract_certificate()
    revocation = PacketPile.from_bytes(bytes(certificate.revoke(partner.secret.certifier())))
    primary, *others = PacketPile.from_bytes(bytes(certificate))
    return str(Cert.from_packets([primary, *revocation, *others]))
