"""The key that a host shows, asked for without signing in: to compare it with the one on file."""

import base64
import hashlib
import re
import shutil
import socket
import subprocess

import paramiko

from distribution.channels.electronic import limit
from distribution.errors import TransientError
from distribution.model import FailureCode

_SECONDS = 30.0
_LONGEST_SECONDS = 100.0  # for all, name look-up and `ssh-keyscan` included
_SHOWN = re.compile(r"\bshow(?:s|ed)\b[^,]*?(SHA256:[A-Za-z0-9+/]{43})")


def fingerprint(line: str) -> str:
    """`SHA256:… (ssh-ed25519)` of a public key line, as OpenSSH writes it."""
    kind, encoded = line.split()[:2]
    digest = hashlib.sha256(base64.b64decode(encoded)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')} ({kind})"


def shown_in(sentence: str) -> str | None:
    """The fingerprint that a host showed, by what we said of it; None where we did not say."""
    found = _SHOWN.search(sentence)
    return found[1] if found else None


def same(one: str, other: str) -> bool:
    """True when two public key lines are of one key, whatever comment they bear."""
    return one.split()[:2] == other.split()[:2]


def offered(host: str, port: int, *, kind: str) -> str:
    """The public key line that the host shows, of `kind` where it has one of that kind.

    Raises TransientError (`unreachable`, `refused-by-host`, `timed-out`).
    """
    cord = limit.Cord()
    return limit.within(
        _LONGEST_SECONDS, lambda: _offered(host, port, kind, cord), place=f"{host}:{port}", cord=cord
    )


def _offered(host: str, port: int, kind: str, cord: limit.Cord) -> str:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as sock:
            cord.tie(sock.close)
            return _shown(sock, kind)
    except paramiko.ssh_exception.IncompatiblePeer:
        return _scanned(host, port, kind)
    except (paramiko.SSHException, EOFError) as exc:
        raise TransientError(
            f"{host}:{port} answers, but broke off before it showed a host key. Ask the institution whether "
            "it lets our address in.",
            code=FailureCode.REFUSED_BY_HOST,
        ) from exc
    except OSError as exc:
        raise TransientError(
            f"{host}:{port} cannot be reached ({exc.strerror or type(exc).__name__}).",
            code=FailureCode.UNREACHABLE,
        ) from exc


def _shown(sock: socket.socket, kind: str) -> str:
    transport = paramiko.Transport(sock)
    try:
        options = transport.get_security_options()
        wanted = ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
        known = [each for each in options.key_types if each in wanted]
        options.key_types = (*known, *(each for each in options.key_types if each not in known))
        transport.start_client(timeout=_SECONDS)
        key = transport.get_remote_server_key()
        return f"{key.get_name()} {key.get_base64()}"
    finally:
        transport.close()


def _scanned(host: str, port: int, kind: str) -> str:
    """The key of a host that is too old for the built-in client, as OpenSSH sees it."""
    program = shutil.which("ssh-keyscan")
    found: list[str] = []
    if program is not None:
        scan = subprocess.run(
            [program, "-T", "10", "-p", str(port), host],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = [
            line.split(" ", 1)[1].strip() for line in scan.stdout.splitlines() if line[:1] not in ("", "#")
        ]
        found = sorted(lines, key=lambda line: line.split()[0] != kind)
    if not found:
        raise TransientError(
            f"{host}:{port} offers no key exchange, cipher or host key that is still safe. Ask the "
            "institution to update its SSH server.",
            code=FailureCode.REFUSED_BY_HOST,
        )
    return found[0]
