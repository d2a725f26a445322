"""Accounts at institutions' hosts: an endpoint and its secret as something to sign in with."""

from distribution.channels.electronic import openssh, session
from distribution.channels.electronic.remote import Account, Remote
from distribution.jobs.secrets import read_secret
from distribution.jobs.wiring import Line
from distribution.model import Endpoint, Transport


def account_of(line: Line, endpoint: Endpoint) -> Account:
    """The account that an endpoint names. Raises TransientError (`credential`) when its secret is missing."""
    secret = read_secret(line.settings, endpoint.credential)
    return Account(
        host=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        host_key=endpoint.host_key,
        key=secret.key,
        password=secret.password,
    )


def sign_in(line: Line, endpoint: Endpoint, *, seconds: float | None = None) -> Remote:
    """A session with the institution's account, through the client that its endpoint asks for.

    `seconds`: how long that may take; None = as long as a file. Raises what the clients' `connect` raises.
    """
    account = account_of(line, endpoint)
    seconds = line.settings.sftp_seconds if seconds is None else seconds
    if endpoint.transport == Transport.OPENSSH:
        return openssh.connect(account, seconds=seconds, below=line.settings.sftp_folders)
    return session.connect(account, seconds=seconds)
