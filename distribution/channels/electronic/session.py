"""A signed-in SFTP session with a pinned host, and what its errors mean."""

import base64
import errno
import io
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import paramiko

from distribution.errors import DistributionError, PermanentError, TransientError
from distribution.model import FailureCode

_CONNECT_SECONDS = 15.0
_BANNER_SECONDS = 60.0
_SIGN_IN_SECONDS = 30.0
_CHANNEL_SECONDS = 30.0
# The cheapest exchanges first; a group exchange costs seconds of computing, so it comes last.
_KEX = ("curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_NO_SPACE = re.compile(r"space|quota|disk full", re.IGNORECASE)


class HostKeyMismatch(PermanentError):
    """The host showed another key than the pinned one."""

    def __init__(self, host: str, *, seen: str, expected: str):
        self.host, self.seen, self.expected = host, seen, expected
        super().__init__(
            f"{host} showed host key {seen}, on file is {expected}. Ask the institution by telephone before "
            "changing the key on file; nothing was sent.",
            code=FailureCode.HOST_KEY,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Where files go and how to sign in: `host_key` is a public key line, `key` a private key's text.

    With a key the password is the key's passphrase, if it has one.
    """

    host: str
    port: int
    username: str
    host_key: str
    key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def pinned_key(line: str) -> paramiko.PKey:
    """The public key of a `ssh-ed25519 AAAA…` line. Raises ValueError for anything else."""
    try:
        kind, encoded = line.split()[:2]
        return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded, validate=True))
    except (ValueError, IndexError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as exc:
        raise ValueError("not a public host key line such as `ssh-ed25519 AAAA…`") from exc


class Session:
    """A session that is signed in; a context manager. Open one per host and user, use it in one thread."""

    def __init__(self, account: Account, transport: paramiko.Transport, sftp: paramiko.SFTPClient):
        self.account, self._transport, self.sftp = account, transport, sftp

    @property
    def is_alive(self) -> bool:
        return self._transport.is_active()

    def close(self) -> None:
        # In this order: handles left open annoy partners.
        self.sftp.close()
        self._transport.close()

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """A block with a hard end: after `seconds` the line is cut and TransientError `timed-out` raised."""
        with _wall_clock(self._transport, self.account, seconds):
            yield


@contextmanager
def _wall_clock(transport: paramiko.Transport, account: Account, seconds: float) -> Iterator[None]:
    # Neither the key exchange nor a stalled channel keeps to paramiko's own timeouts (paramiko #2479).
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        transport.sock.close()
        transport.close()

    watch = threading.Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    except (DistributionError, OSError, EOFError, paramiko.SSHException) as exc:
        if expired.is_set():
            raise TransientError(
                f"{account.place} took longer than {seconds:g} seconds for one file. It is tried again in "
                "the next run; raise DISTRIBUTION_SFTP_SECONDS if the host is always this slow.",
                code=FailureCode.TIMED_OUT,
            ) from exc
        raise
    finally:
        watch.cancel()


def connect(account: Account, *, seconds: float) -> Session:
    """Connect, check the host's key, sign in, and open SFTP.

    Raises PermanentError (`host-key`, `sign-in`) or TransientError (`unreachable`, `connection-lost`,
    `timed-out`, `refused-by-host`, `credential`).
    """
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
            _sign_in(transport, account, private)
            return Session(account, transport, _open_sftp(transport, account))
    except BaseException:
        transport.close()
        raise


def _socket(account: Account) -> socket.socket:
    try:
        sock = socket.create_connection((account.host, account.port), timeout=_CONNECT_SECONDS)
    except OSError as exc:
        raise TransientError(
            f"{account.place} cannot be reached ({exc.strerror or type(exc).__name__}). It is tried again in "
            "the next run; if it stays so, ask the institution's technical contact.",
            code=FailureCode.UNREACHABLE,
        ) from exc
    # Every write is answered before the next: without this each waits for the kernel's delay.
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
            "institution to update its SSH server, or choose another way of delivery.",
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


def _sign_in(transport: paramiko.Transport, account: Account, private: paramiko.PKey | None) -> None:
    try:
        if private is not None:
            transport.auth_publickey(account.username, private)
        else:
            # Falls back to keyboard-interactive where the host takes passwords only so.
            transport.auth_password(account.username, account.password or "", fallback=True)
    except paramiko.AuthenticationException as exc:
        how = "key" if private is not None else "password"
        raise PermanentError(
            f"{account.place} refused the {how} of {account.username}. Ask the institution whether the "
            "account or its credential changed, put the new one into the secrets, then `delivery retry`.",
            code=FailureCode.SIGN_IN,
        ) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise lost(account) from exc


def _open_sftp(transport: paramiko.Transport, account: Account) -> paramiko.SFTPClient:
    try:
        sftp = paramiko.SFTPClient.from_transport(transport)
        if sftp is None:
            raise paramiko.SSHException("no channel")
        channel = sftp.get_channel()
        if channel is not None:
            channel.settimeout(_CHANNEL_SECONDS)
        return sftp
    except (paramiko.SSHException, EOFError, OSError) as exc:
        raise TransientError(
            f"{account.place} let {account.username} in but opens no SFTP session. Ask the institution "
            "whether the account may use SFTP.",
            code=FailureCode.REFUSED_BY_HOST,
        ) from exc


def lost(account: Account) -> TransientError:
    """The error for a line that broke."""
    return TransientError(
        f"The connection to {account.place} was lost. Nothing is published twice; the next run looks first.",
        code=FailureCode.CONNECTION_LOST,
    )


@contextmanager
def explained(account: Account, *, doing: str) -> Iterator[None]:
    """Turn what paramiko raises inside the block into our errors; `doing` ends the sentence `could not …`."""
    try:
        yield
    except TimeoutError as exc:
        raise TransientError(
            f"{account.place} did not answer in time ({doing}). It is tried again in the next run.",
            code=FailureCode.TIMED_OUT,
        ) from exc
    except (EOFError, ConnectionError, paramiko.SSHException) as exc:
        raise lost(account) from exc
    except OSError as exc:
        raise _answer(account, exc, doing=doing) from exc


def _answer(account: Account, exc: OSError, *, doing: str) -> DistributionError:
    said = str(exc)
    if exc.errno in (errno.ENOENT, errno.EACCES):
        why = "is not there" if exc.errno == errno.ENOENT else "may not be written to"
        return PermanentError(
            f"The folder on {account.place} {why} ({doing}). Ask the institution, then load its endpoint "
            "anew or `delivery retry`.",
            code=FailureCode.FOLDER,
        )
    if _NO_SPACE.search(said):
        return PermanentError(
            f"{account.place} has no space left ({doing}). Ask the institution to make room, then "
            "`delivery retry`.",
            code=FailureCode.SPACE,
        )
    if "closed" in said.lower():
        return lost(account)
    return TransientError(
        f"{account.place} refused ({doing}): {said or 'no reason given'}. It is tried again in the next run.",
        code=FailureCode.REFUSED_BY_HOST,
    )
