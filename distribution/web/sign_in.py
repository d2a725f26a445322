"""Who somebody is: what every sign-in tells, whether by a local account or by the provider."""

from dataclasses import dataclass

from distribution.errors import PermanentError
from distribution.jobs import local_accounts
from distribution.jobs.wiring import Line

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


def local_identity(line: Line, *, email: str, password: str) -> Identity | None:
    """Who signs in with a local account; None, after the same time, for a wrong password or address."""
    address = email.strip().lower()
    name = local_accounts.name_of(line, email=address, password=password)
    if name is None:
        return None
    return Identity(LOCAL_ISSUER, address, address, email_verified=True, name=name)
