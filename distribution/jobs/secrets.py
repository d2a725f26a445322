"""Secrets by name: files in the secrets folder, or environment variables; never on a command line."""

import os
from dataclasses import dataclass, field

from distribution.errors import TransientError
from distribution.model import FailureCode
from distribution.settings import Settings

_ENVIRONMENT = "DISTRIBUTION_SECRET_"


@dataclass(frozen=True, slots=True)
class Secret:
    """A private key (OpenSSH text), a password, or both: then the password is the key's passphrase."""

    name: str
    key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def read_secret(settings: Settings, name: str) -> Secret:
    """The secret of that name: `<name>.key` and `<name>.password`, else `DISTRIBUTION_SECRET_<NAME>`.

    In the variable's name `-` is written `_`, and letters are capitals. Raises TransientError (`credential`)
    when there is none: the next run reads again.
    """
    key, password = _text(settings, f"{name}.key"), _text(settings, f"{name}.password")
    if key is None and password is None:
        key, password = _from_environment(name)
    if key is None and password is None:
        raise TransientError(
            f"There is no secret named {name}. Put {name}.key or {name}.password into {settings.secrets} "
            f"(mode 0600), or set {_variable(name)}.",
            code=FailureCode.CREDENTIAL,
        )
    return Secret(name, key=key, password=password.rstrip("\r\n") if password is not None else None)


def _text(settings: Settings, file: str) -> str | None:
    try:
        return (settings.secrets / file).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise TransientError(
            f"The secret {file} cannot be read ({type(exc).__name__}). Mend the file in {settings.secrets}.",
            code=FailureCode.CREDENTIAL,
        ) from exc


def _variable(name: str) -> str:
    return _ENVIRONMENT + name.upper().replace("-", "_")


def _from_environment(name: str) -> tuple[str | None, str | None]:
    value = os.environ.get(_variable(name))
    if not value:
        return None, None
    return (value, None) if "PRIVATE KEY-----" in value else (None, value)
