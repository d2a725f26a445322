"""OpenPGP: files encrypted to an institution's key, and what can be said of that key beforehand."""

import warnings
from dataclasses import dataclass
from datetime import date, datetime

import pysequoia
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from distribution.errors import PermanentError, TransientError
from distribution.model import FailureCode

WARN_DAYS = 60  # a new key takes institutions weeks: they are asked for it that long ahead
_BINDS = (
    SignatureType.SubkeyBinding,
    SignatureType.DirectKey,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)
_KEYS = (Tag.PublicKey, Tag.PublicSubkey)


class PgpKeyUnusable(PermanentError):
    """Nothing may be encrypted to the institution's key, so nothing is sent."""

    code = FailureCode.PGP_KEY


@dataclass(frozen=True, slots=True)
class PgpKey:
    """An institution's public key: what it is, and until when files may be encrypted to it.

    `usable_until` None = without an end. `fault`: why nothing can be encrypted to it at all; empty = none.
    """

    fingerprint: str
    algorithm: str
    usable_until: datetime | None
    fault: str
    armoured: str

    def is_usable(self, at: datetime) -> bool:
        """True when files may be encrypted to it at that (aware) time."""
        return not self.fault and (self.usable_until is None or at < self.usable_until)

    def ends_soon(self, on: date) -> bool:
        """True from 60 days before its end on."""
        return self.usable_until is not None and (self.usable_until.date() - on).days <= WARN_DAYS


@dataclass(slots=True)
class _Key:
    """A primary key or subkey as its newest binding describes it."""

    packet: Packet
    bound_at: datetime | None = None
    encrypts: bool = False
    ends_at: datetime | None = None
    revoked: bool = False


def read_key(text: str) -> PgpKey:
    """The key of an armoured text. Raises ValueError with a sentence when the text is no public key."""
    if "PRIVATE KEY" in text:
        raise ValueError("this is a private key: ask for the public one, and have the private one replaced")
    try:
        certificate = pysequoia.Cert.from_bytes(text.encode())
        packets = list(PacketPile.from_bytes(text.encode()))
    except (RuntimeError, ValueError) as exc:
        raise ValueError("this is no armoured OpenPGP public key") from exc
    primary, *subkeys = _keys(packets)
    encrypting = [each for each in (primary, *subkeys) if each.encrypts and not each.revoked]
    return PgpKey(
        fingerprint=certificate.fingerprint.upper(),
        algorithm=str(primary.packet.key_algorithm).rpartition(".")[2],
        usable_until=_earliest(primary.ends_at, _latest([each.ends_at for each in encrypting])),
        fault=_fault(primary, encrypting),
        armoured=text,
    )


def _keys(packets: list[Packet]) -> list[_Key]:
    found: list[_Key] = []
    for packet in packets:
        if packet.tag in _KEYS:
            found.append(_Key(packet))
        elif packet.tag == Tag.Signature and found:
            _read_signature(found[-1], packet)
    return found


def _read_signature(key: _Key, signature: Packet) -> None:
    if signature.signature_type in (SignatureType.KeyRevocation, SignatureType.SubkeyRevocation):
        key.revoked = True
    made_at = signature.signature_created
    if signature.signature_type not in _BINDS or signature.key_flags is None or made_at is None:
        return
    if key.bound_at is not None and made_at < key.bound_at:
        return
    flags, span = signature.key_flags, signature.key_validity_period
    created = key.packet.key_created
    key.bound_at = made_at
    key.encrypts = flags.storage_encryption or flags.transport_encryption
    key.ends_at = created + span if span and created else None


def _fault(primary: _Key, encrypting: list[_Key]) -> str:
    if primary.revoked:
        return "its owner revoked it"
    return "" if encrypting else "it can sign but not encrypt"


def _latest(moments: list[datetime | None]) -> datetime | None:
    """The last end of several keys; None as soon as one of them has none."""
    known = [each for each in moments if each is not None]
    return max(known) if known and len(known) == len(moments) else None


def _earliest(*moments: datetime | None) -> datetime | None:
    known = [each for each in moments if each is not None]
    return min(known) if known else None


def refuse_unusable(key: PgpKey, *, di: str, at: datetime) -> None:
    """Raise PgpKeyUnusable when nothing may be encrypted to the key at that (aware) time."""
    if key.is_usable(at):
        return
    why = key.fault or f"it ended on {key.usable_until:%Y-%m-%d}"
    raise PgpKeyUnusable(_sentence(di, key, why))


def _sentence(di: str, key: PgpKey, why: str) -> str:
    return (
        f"Nothing can be encrypted to the PGP key of {di} ({key.fingerprint[-16:]}): {why}. Nothing was "
        "sent. Ask the institution, on a known number, for a key in force; load it with "
        "`institution load-endpoints`."
    )


def encrypt(content: bytes, key: PgpKey, *, di: str, at: datetime, signer: str | None = None) -> bytes:
    """The content encrypted to the key, signed where `signer` is an armoured private key of ours.

    Two calls give different bytes: what is sent must be kept. Raises PgpKeyUnusable.
    """
    # The library encrypts to an ended key without a word, so that is asked first.
    refuse_unusable(key, di=di, at=at)
    try:
        return pysequoia.encrypt(
            content,
            recipients=[pysequoia.Cert.from_bytes(key.armoured.encode())],
            signer=_signer(signer) if signer is not None else None,
            armor=False,
        )
    except RuntimeError as exc:
        raise PgpKeyUnusable(_sentence(di, key, "it holds no key of a kind that is still safe")) from exc


def _signer(armoured: str) -> pysequoia.PySigner:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return pysequoia.Tsk.from_bytes(armoured.encode()).signer()
    except (RuntimeError, ValueError) as exc:
        raise TransientError(
            "Our OpenPGP signing key cannot be read, or asks for a passphrase. Put an armoured private key "
            "without one into the secrets under the name that DISTRIBUTION_PGP_SIGNING_KEY states.",
            code=FailureCode.CREDENTIAL,
        ) from exc
