"""The key that a host shows, asked for without signing in: to compare it with the one on file."""

import base64
import hashlib
import re
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import paramiko

from distribution.channels.electronic import limit, openssh_sign_in
from distribution.errors import TransientError
from distribution.model import FailureCode

_SECONDS = 30.0
_LONGEST_SECONDS = 100.0  # for all, name look-up and `ssh` included
_SHOWN = re.compile(r"\bshow(?:s|ed)\b[^,]*?(SHA256:[A-Za-z0-9+/]{43})")
# It writes the key down and gives `ssh` (8.5 or newer) none to trust, which therefore signs in nowhere.
_NOTE_KEY = '[ "$1" = NONE ] || printf "%s %s" "$1" "$2" > shown\n'


@dataclass(frozen=True, slots=True)
class Shown:
    """The public key line that a host showed; `by_old_ways`: only OpenSSH's old algorithms reach it."""

    line: str
    by_old_ways: bool = False


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


def offered(host: str, port: int, *, kind: str) -> Shown:
    """The key that the host shows, of `kind` where it has one of that kind; nobody signs in.

    Raises TransientError (`unreachable`, `refused-by-host`, `timed-out`).
    """
    cord = limit.Cord()
    return limit.within(
        _LONGEST_SECONDS, lambda: _offered(host, port, kind, cord), place=f"{host}:{port}", cord=cord
    )


def _offered(host: str, port: int, kind: str, cord: limit.Cord) -> Shown:
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as sock:
            cord.tie(sock.close)
            return _shown(sock, kind)
    except paramiko.ssh_exception.IncompatiblePeer:
        return _shown_by_old_ways(host, port, kind, cord)
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


def _shown(sock: socket.socket, kind: str) -> Shown:
    transport = paramiko.Transport(sock)
    try:
        options = transport.get_security_options()
        wanted = ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
        known = [each for each in options.key_types if each in wanted]
        options.key_types = (*known, *(each for each in options.key_types if each not in known))
        transport.start_client(timeout=_SECONDS)
        key = transport.get_remote_server_key()
        return Shown(f"{key.get_name()} {key.get_base64()}")
    finally:
        transport.close()


def _shown_by_old_ways(host: str, port: int, kind: str, cord: limit.Cord) -> Shown:
    """The key of a host that is too old for the built-in client, as OpenSSH sees it."""
    program = shutil.which("ssh")
    line = ""
    if program is not None:
        with tempfile.TemporaryDirectory(prefix="host-key-") as folder:
            line = _noted(program, host, port, kind, Path(folder), cord)
    if not line:
        raise TransientError(
            f"{host}:{port} offers no key exchange, cipher or host key that is still safe, and showed "
            f"OpenSSH{'' if program else ', which is not installed here,'} none by the old ones. Ask the "
            "institution to update its SSH server.",
            code=FailureCode.REFUSED_BY_HOST,
        )
    return Shown(line, by_old_ways=True)


def _noted(program: str, host: str, port: int, kind: str, folder: Path, cord: limit.Cord) -> str:
    (folder / "note-key").write_text(_NOTE_KEY)
    stated = openssh_sign_in.old_ways() | {
        "HostKeyAlgorithms": openssh_sign_in.key_kinds(kind, others=True),
        "KnownHostsCommand": "/bin/sh note-key %t %K",
        "UserKnownHostsFile": "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "PreferredAuthentications": "none",
        "BatchMode": "yes",
        "ConnectTimeout": str(int(_SECONDS)),
    }
    options = [f"-o{name}={value}" for name, value in stated.items()]
    with subprocess.Popen(
        [program, "-F", "/dev/null", *options, "-p", str(port), "-l", "nobody", "--", host],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    ) as process:
        cord.tie(partial(process.kill))
    shown = folder / "shown"
    return shown.read_text("ascii") if shown.exists() else ""
