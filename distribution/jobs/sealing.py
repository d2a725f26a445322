"""What encrypts an institution's files: its key in force, our signing key, the time."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from distribution.channels.electronic import encryption
from distribution.channels.electronic.encryption import PgpKey, PgpKeyUnusable
from distribution.channels.electronic.record_layout import Layout
from distribution.errors import TransientError
from distribution.jobs.secrets import read_secret
from distribution.jobs.wiring import Line
from distribution.model import Endpoint, FailureCode


@dataclass(frozen=True, slots=True)
class Seal:
    """Encrypts to one institution's key; calling it twice gives different bytes."""

    di: str
    key: PgpKey
    at: datetime
    signer: str | None

    def __call__(self, content: bytes) -> bytes:
        return encryption.encrypt(content, self.key, di=self.di, at=self.at, signer=self.signer)


@lru_cache(maxsize=4096)
def key_of(text: str) -> PgpKey:
    """The key of an endpoint's `pgp_key`. Raises ValueError when it is none."""
    return encryption.read_key(text)


def key_or_none(text: str | None) -> PgpKey | None:
    """The key of an endpoint's `pgp_key`; None where there is none, or none that can be read."""
    try:
        return key_of(text) if text else None
    except ValueError:
        return None


def seal_for(line: Line, endpoint: Endpoint | None, layout: Layout, *, di: str) -> Seal | None:
    """What encrypts the files of an institution; None where it wants none.

    Raises PgpKeyUnusable when nothing may be encrypted to its key now, or there is none although the layout
    is never sent in clear; TransientError (`credential`) when our signing key is missing.
    """
    text = endpoint.pgp_key if endpoint is not None else None
    if text is None:
        if layout.pgp:
            raise PgpKeyUnusable(
                f"{layout.layout} is never sent in clear, and no PGP key of {di} is on file. Nothing was "
                "sent. Ask the institution for its key and load it with `institution load-endpoints`."
            )
        return None
    try:
        key = key_of(text)
    except ValueError as exc:
        raise PgpKeyUnusable(
            f"The PGP key of {di} cannot be read: {exc}. Nothing was sent. Load the endpoint anew."
        ) from exc
    now = line.now()
    encryption.refuse_unusable(key, di=di, at=now)
    return Seal(di, key, now, _signer(line))


def _signer(line: Line) -> str | None:
    name = line.settings.pgp_signing_key
    if name is None:
        return None
    secret = read_secret(line.settings, name)
    if secret.key is None:
        raise TransientError(
            f"The secret {name} is a password: our OpenPGP signing key must stand in {name}.key.",
            code=FailureCode.CREDENTIAL,
        )
    return secret.key
