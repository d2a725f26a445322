"""The vault: codes leave memory only as a keyed hash to find them and sealed bytes to send them again."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from distribution.access_codes import code
from distribution.access_codes.code import AccessCode
from distribution.errors import PermanentError

KEY_ID = "1"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultKey(PermanentError):
    """A key of the vault is missing or is not the one that sealed the codes."""

    code = "vault-key"


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys; neither is in the database, so a copy of it opens no code."""

    key_id: str
    lookup: bytes = field(repr=False)
    vault: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the ledger keeps of a code."""

    lookup: bytes = field(repr=False)
    cipher: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    key_id: str


def open_keys(folder: Path, *, may_make: Callable[[], bool], key_id: str = KEY_ID) -> Keys:
    """The keys `code-lookup-<id>.key` and `code-vault-<id>.key` of the secrets folder (hex, mode 0600).

    Keys that are missing are made where `may_make` answers yes, that is where no code is sealed yet. Raises
    VaultKey for one that is missing or no key.
    """
    paths = [folder / f"code-lookup-{key_id}.key", folder / f"code-vault-{key_id}.key"]
    for path in paths:
        if not path.exists():
            if not may_make():
                raise VaultKey(f"{path} is missing, yet codes are on file. Put it back from your backup.")
            _make(path)
    lookup, vault = (_read(path) for path in paths)
    return Keys(key_id=key_id, lookup=lookup, vault=vault)


def _make(path: Path) -> None:
    """Write a new key; of two processes that make it at once, the first one's key stands for both."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process was first: its key is read
    finally:
        part.unlink()


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        # Not chained: the error of a broken key file would quote a part of the key.
        raise VaultKey(f"{path} holds no key (64 hex digits). Put it back from your backup.") from None
    return key


def lookup_of(keys: Keys, access_code: AccessCode) -> bytes:
    """The keyed hash by which a typed code is found (HMAC-SHA-256)."""
    return hmac.new(keys.lookup, access_code.characters.encode("ascii"), hashlib.sha256).digest()


def seal(keys: Keys, access_code: AccessCode, *, organization: str, year: int) -> Sealed:
    """A code as the ledger keeps it; it opens only as this organisation's code of this year (AES-256-GCM)."""
    nonce = os.urandom(_NONCE_BYTES)
    cipher = AESGCM(keys.vault).encrypt(
        nonce, access_code.characters.encode("ascii"), _bound_to(organization, year)
    )
    return Sealed(lookup=lookup_of(keys, access_code), cipher=cipher, nonce=nonce, key_id=keys.key_id)


def unseal(keys: Keys, sealed: Sealed, *, organization: str, year: int) -> AccessCode:
    """The code again, to send it again. Raises VaultKey where it does not open."""
    try:
        characters = AESGCM(keys.vault).decrypt(sealed.nonce, sealed.cipher, _bound_to(organization, year))
    except InvalidTag as exc:
        raise VaultKey(
            f"The code of {organization} for {year} does not open with key {keys.key_id}. Put the key files "
            "back with which it was sealed, or check whether the row was changed."
        ) from exc
    return code.parse(characters.decode("ascii"))


def _bound_to(organization: str, year: int) -> bytes:
    return f"{organization}|{year}".encode()
