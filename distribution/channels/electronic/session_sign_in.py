"""How a paramiko session signs in, and what it means when the host does not let it in."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from distribution.channels.electronic.remote import Account, lost, no_answer, sign_in_refused
from distribution.errors import DistributionError, TransientError
from distribution.model import FailureCode

_INTERACTIVE = "keyboard-interactive"
_USERAUTH_FAILURE = 51  # RFC 4252, 6
_NO_MORE_WAYS_IN = 14  # RFC 4253, 11.1
_TOO_MANY_TRIES = "Too many authentication failures"
_NO_COMMON_KIND = "Unable to agree on a pubkey algorithm"  # paramiko, before it asks the host


class Transport(paramiko.Transport):
    """A transport that remembers whether the host itself refused the sign-in.

    paramiko raises the same error for a refusal, for a line that breaks and for a host that is slow.
    """

    def __init__(self, sock: socket.socket):
        super().__init__(sock)
        self.was_refused = False
        table = self._handler_table  # type: ignore[has-type]
        self._handler_table = {**table, _USERAUTH_FAILURE: self._note_refusal}

    def _note_refusal(self, message: paramiko.Message) -> None:
        self.was_refused = True  # before the waiting thread is told
        if self.auth_handler is not None:
            self.auth_handler._parse_userauth_failure(message)  # type: ignore[attr-defined]

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        # OpenSSH answers the last try that it allows so, and sends no refusal.
        code, said = message.get_int(), message.get_text()
        if code == _NO_MORE_WAYS_IN or _TOO_MANY_TRIES in said:
            self.was_refused = True


class AsksForPasswords(Exception):  # no error: there is another way in
    """The host takes passwords only as the answer to a question (keyboard-interactive)."""


def private_key(account: Account) -> paramiko.PKey | None:
    if account.key is None:
        return None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(account.key), password=account.password)
        except paramiko.SSHException:
            continue
        except ValueError:
            continue
    raise TransientError(
        f"The private key for {account.username}@{account.host} cannot be read. Put an OpenSSH private key "
        "under its name into the secrets, and its passphrase as the password of that name if it has one.",
        code=FailureCode.CREDENTIAL,
    )


@contextmanager
def refusals_of_sign_in(transport: Transport, account: Account) -> Iterator[None]:
    try:
        yield
    except paramiko.AuthenticationException as exc:
        raise _no_way_in(transport, account, exc) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise lost(account) from exc
    if not transport.is_authenticated():
        raise sign_in_refused(account)  # it asks for a second proof that is not on file


def _no_way_in(
    transport: Transport, account: Account, exc: paramiko.AuthenticationException
) -> DistributionError:
    """A refusal waits for a person; a line that broke and a host that is slow are tried again."""
    if transport.was_refused or _NO_COMMON_KIND in str(exc):
        return sign_in_refused(account)
    if transport.is_active():
        return no_answer(account, doing="signing in")
    return lost(account)


def sign_in(transport: paramiko.Transport, account: Account, private: paramiko.PKey | None) -> None:
    if private is not None:
        transport.auth_publickey(account.username, private)
        return
    try:
        transport.auth_password(account.username, account.password or "", fallback=False)
    except paramiko.BadAuthenticationType as exc:
        # A password that was refused is not tried twice: accounts are locked for that.
        if _INTERACTIVE in exc.allowed_types:
            raise AsksForPasswords from exc
        raise


def answer_questions(transport: paramiko.Transport, account: Account, private: paramiko.PKey | None) -> None:
    password = account.password or ""
    transport.auth_interactive(
        account.username, lambda title, words, questions: [password for _ in questions]
    )
