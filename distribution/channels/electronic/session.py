"""A signed-in SFTP session over paramiko: pinned host, cheap key exchange, a hard end to everything."""

import base64
import socket
import struct
from collections.abc import Callable, Sequence
from functools import partial

import paramiko

from distribution.channels.electronic import limit, session_sign_in
from distribution.channels.electronic.remote import (
    Account,
    HostKeyMismatch,
    Outcome,
    Seen,
    explained,
    lost,
    quietly,
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
_CLOSE_SECONDS = 5.0
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
        if self.is_alive:
            try:
                self.within(_CLOSE_SECONDS, self._wire.close)
            except (DistributionError, OSError, EOFError, paramiko.SSHException):
                pass  # the line is cut then
        self._transport.close()

    def within(self, seconds: float, work: Callable[[], Outcome]) -> Outcome:
        # Neither the key exchange nor a stalled channel keeps to paramiko's own timeouts (paramiko #2479).
        # But each of its waits looks at the transport's state ten times a second: a cut socket ends them.
        cord = limit.Cord(partial(_hang_up, self._transport))
        return limit.within(seconds, work, place=self.account.place, cord=cord)

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


def _hang_up(transport: paramiko.Transport) -> None:
    try:
        # Closing alone leaves a thread that waits in the kernel waiting.
        transport.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is down already
    transport.sock.close()
    transport.close()


def connect(account: Account, *, seconds: float) -> Session:
    """Look the name up, connect, check the host's key, sign in, and open SFTP, all within `seconds`.

    Raises PermanentError (`host-key`, `sign-in`) or TransientError (`unreachable`, `connection-lost`,
    `timed-out`, `refused-by-host`, `credential`).
    """
    cord = limit.Cord()
    return limit.within(seconds, lambda: _signed_in(account, cord), place=account.place, cord=cord)


def _signed_in(account: Account, cord: limit.Cord) -> Session:
    try:
        return _connect(account, cord, sign_in=session_sign_in.sign_in)
    except session_sign_in.AsksForPasswords:
        # On a connection of its own: paramiko asks for the sign-in service a second time, and not all hosts
        # take that.
        return _connect(account, cord, sign_in=session_sign_in.answer_questions)


def _connect(account: Account, cord: limit.Cord, *, sign_in: Callable[..., None]) -> Session:
    wanted = pinned_key(account.host_key)
    private = session_sign_in.private_key(account)
    transport = session_sign_in.Transport(_socket(account))
    cord.tie(partial(_hang_up, transport))
    transport.banner_timeout = _BANNER_SECONDS
    transport.auth_timeout = _SIGN_IN_SECONDS
    transport.channel_timeout = _CHANNEL_SECONDS
    _prefer_cheap(transport, wanted)
    try:
        _exchange_keys(transport, account, wanted)
        with session_sign_in.refusals_of_sign_in(transport, account):
            sign_in(transport, account, private)
        return Session(account, transport, _open_sftp(transport, account))
    except BaseException:
        _hang_up(transport)
        raise


def _socket(account: Account) -> socket.socket:
    try:
        sock = socket.create_connection((account.host, account.port), timeout=_CONNECT_SECONDS)
    except UnicodeError as exc:
        raise unreachable(account, "no name that can be looked up") from exc
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


def _open_sftp(transport: paramiko.Transport, account: Account) -> Wire:
    try:
        channel = transport.open_session(timeout=_CHANNEL_SECONDS)
        channel.settimeout(_CHANNEL_SECONDS)
        channel.invoke_subsystem("sftp")
        wire = Wire(channel)
        wire.greet()
        return wire
    except (paramiko.SSHException, EOFError, OSError, struct.error) as exc:
        raise _no_sftp(account) from exc


def _no_sftp(account: Account) -> TransientError:
    return TransientError(
        f"{account.place} let {account.username} in but opens no SFTP session. Ask the institution "
        "whether the account may use SFTP.",
        code=FailureCode.REFUSED_BY_HOST,
    )
