"""A signed-in SFTP session over paramiko: pinned host, cheap key exchange, a hard end to everything."""

import base64
import io
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import paramiko

from distribution.channels.electronic.remote import (
    Account,
    HostKeyMismatch,
    Seen,
    explained,
    lost,
    quietly,
    sign_in_refused,
    too_slow,
    unreachable,
)
from distribution.channels.electronic.wire import OpenFile, Wire
from distribution.errors import DistributionError, TransientError
from distribution.model import FailureCode

__all__ = ["Account", "HostKeyMismatch", "Session", "connect", "explained", "lost", "pinned_key"]

_CONNECT_SECONDS = 15.0
_BANNER_SECONDS = 60.0
_SIGN_IN_SECONDS = 30.0
_CHANNEL_SECONDS = 30.0
# The cheapest first. A group exchange costs seconds of computing: it comes last, for hosts with nothing else.
_KEX = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "mlkem768x25519-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_INTERACTIVE = "keyboard-interactive"


def pinned_key(line: str) -> paramiko.PKey:
    """The public key of a `ssh-ed25519 AAAA…` line. Raises ValueError for anything else."""
    try:
        kind, encoded = line.split()[:2]
        return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
    except (ValueError, IndexError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as exc:
        raise ValueError("not a public host key line such as `ssh-ed25519 AAAA…`") from exc


class Session:
    """A session that is signed in. Open one per host and user, use it in one thread."""

    def __init__(self, account: Account, transport: paramiko.Transport, wire: Wire):
        self.account, self._transport, self._wire = account, transport, wire

    @property
    def is_alive(self) -> bool:
        return self._transport.is_active()

    def close(self) -> None:
        # In this order: handles left open annoy partners.
        self._wire.close()
        self._transport.close()

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """A block with a hard end: after `seconds` the line is cut and TransientError `timed-out` raised."""
        with _wall_clock(self._transport, self.account, seconds):
            yield

    def stat(self, *paths: str) -> list[Seen | None]:
        return self._wire.stat(*paths)

    def listing(self, directory: str) -> dict[str, Seen]:
        return self._wire.listing(directory)

    def write(self, path: str, content: bytes, *, announce: Callable[[], None] = quietly) -> OpenFile:
        return self._wire.write(path, content, announce=announce)

    def read(self, path: str, *, at_most: int) -> bytes:
        return self._wire.read(path, at_most=at_most)

    def rename(self, old: str, new: str) -> None:
        self._wire.rename(old, new)

    def remove(self, path: str) -> None:
        self._wire.remove(path)

    def room_bytes(self, directory: str) -> int | None:
        return self._wire.room_bytes(directory)


@contextmanager
def _wall_clock(transport: paramiko.Transport, account: Account, seconds: float) -> Iterator[None]:
    # Neither the key exchange nor a stalled channel keeps to paramiko's own timeouts (paramiko #2479). But
    # each of its waits looks at the transport's state ten times a second, so cutting the socket ends them.
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        _hang_up(transport)

    watch = threading.Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    except (DistributionError, OSError, EOFError, paramiko.SSHException) as exc:
        if expired.is_set():
            raise too_slow(account, seconds) from exc
        raise
    finally:
        watch.cancel()


def _hang_up(transport: paramiko.Transport) -> None:
    try:
        # Closing alone leaves a thread that waits in the kernel waiting.
        transport.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is down already
    transport.sock.close()
    transport.close()


def connect(account: Account, *, seconds: float) -> Session:
    """Connect, check the host's key, sign in, and open SFTP.

    Raises PermanentError (`host-key`, `sign-in`) or TransientError (`unreachable`, `connection-lost`,
    `timed-out`, `refused-by-host`, `credential`).
    """
    try:
        return _connect(account, seconds=seconds, sign_in=_sign_in)
    except _AsksForPasswords:
        # On a connection of its own: paramiko asks for the sign-in service a second time, and not all hosts
        # take that.
        return _connect(account, seconds=seconds, sign_in=_answer_questions)


class _AsksForPasswords(Exception):  # no error: there is another way in
    """The host takes passwords only as the answer to a question (keyboard-interactive)."""


def _connect(account: Account, *, seconds: float, sign_in: Callable[..., None]) -> Session:
    wanted = pinned_key(account.host_key)
    private = _private_key(account)
    transport = paramiko.Transport(_socket(account))
    transport.banner_timeout = _BANNER_SECONDS
    transport.auth_timeout = _SIGN_IN_SECONDS
    transport.channel_timeout = _CHANNEL_SECONDS
    _prefer_cheap(transport, wanted)
    try:
        with _wall_clock(transport, account, seconds):
            _exchange_keys(transport, account, wanted)
            with _refusals_of_sign_in(transport, account):
                sign_in(transport, account, private)
            return Session(account, transport, _open_sftp(transport, account))
    except BaseException:
        _hang_up(transport)
        raise


def _socket(account: Account) -> socket.socket:
    try:
        sock = socket.create_connection((account.host, account.port), timeout=_CONNECT_SECONDS)
    except OSError as exc:
        raise unreachable(account, exc.strerror or type(exc).__name__) from exc
    # A flight is answered before the next one goes: without this each waits for the kernel's delay.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _prefer_cheap(transport: paramiko.Transport, wanted: paramiko.PKey) -> None:
    options = transport.get_security_options()
    options.kex = _first(_KEX, options.kex)
    options.ciphers = _first(_CIPHERS, options.ciphers)
    # A host with several keys shows the pinned kind.
    name = wanted.get_name()
    pinned = ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)
    options.key_types = _first(pinned, options.key_types)


def _first(preferred: tuple[str, ...], offered: Sequence[str]) -> tuple[str, ...]:
    known = [each for each in preferred if each in offered]
    return (*known, *(each for each in offered if each not in known))


def _exchange_keys(transport: paramiko.Transport, account: Account, wanted: paramiko.PKey) -> None:
    try:
        transport.start_client(timeout=_BANNER_SECONDS)
    except paramiko.ssh_exception.IncompatiblePeer as exc:
        raise TransientError(
            f"{account.place} offers no key exchange, cipher or host key that is still safe ({exc}). Ask the "
            "institution to update its SSH server. Until then `transport: openssh` in its endpoint reaches "
            "hosts that know SHA-1 only.",
            code=FailureCode.REFUSED_BY_HOST,
        ) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise TransientError(
            f"{account.place} broke off before the sign-in. It is tried again in the next run.",
            code=FailureCode.CONNECTION_LOST,
        ) from exc
    seen = transport.get_remote_server_key()
    if seen.asbytes() != wanted.asbytes():
        raise HostKeyMismatch(account.place, seen=_fingerprint(seen), expected=_fingerprint(wanted))


def _fingerprint(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _private_key(account: Account) -> paramiko.PKey | None:
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
def _refusals_of_sign_in(transport: paramiko.Transport, account: Account) -> Iterator[None]:
    try:
        yield
    except paramiko.AuthenticationException as exc:
        raise sign_in_refused(account) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise lost(account) from exc
    if not transport.is_authenticated():
        raise sign_in_refused(account)  # it asks for a second proof that is not on file


def _sign_in(transport: paramiko.Transport, account: Account, private: paramiko.PKey | None) -> None:
    if private is not None:
        transport.auth_publickey(account.username, private)
        return
    try:
        transport.auth_password(account.username, account.password or "", fallback=False)
    except paramiko.BadAuthenticationType as exc:
        # A password that was refused is not tried twice: accounts are locked for that.
        if _INTERACTIVE in exc.allowed_types:
            raise _AsksForPasswords from exc
        raise


def _answer_questions(transport: paramiko.Transport, account: Account, private: paramiko.PKey | None) -> None:
    password = account.password or ""
    transport.auth_interactive(
        account.username, lambda title, words, questions: [password for _ in questions]
    )


def _open_sftp(transport: paramiko.Transport, account: Account) -> Wire:
    try:
        channel = transport.open_session(timeout=_CHANNEL_SECONDS)
        channel.settimeout(_CHANNEL_SECONDS)
        channel.invoke_subsystem("sftp")
        wire = Wire(channel)
        wire.greet()
        return wire
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise _no_sftp(account) from exc


def _no_sftp(account: Account) -> TransientError:
    return TransientError(
        f"{account.place} let {account.username} in but opens no SFTP session. Ask the institution "
        "whether the account may use SFTP.",
        code=FailureCode.REFUSED_BY_HOST,
    )
