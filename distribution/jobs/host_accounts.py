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


def sign_in(line: Line, endpoint: Endpoint) -> Remote:
    """A session with the institution's account, through the client that its endpoint asks for."""
    account = account_of(line, endpoint)
    connect = openssh.connect if endpoint.transport == Transport.OPENSSH else session.connect
    return connect(account, seconds=line.settings.sftp_seconds)
