"""How OpenSSH's `sftp` is told where to go and whom to trust, and what it means when it does not get in."""

import base64
import hashlib
import os
import re
from pathlib import Path

from distribution.channels.electronic.remote import (
    Account,
    HostKeyMismatch,
    lost,
    sign_in_refused,
    unreachable,
)
from distribution.errors import PermanentError, TransientError
from distribution.model import FailureCode

_CONNECT_SECONDS = 60  # until the host shows its banner: some take their time
_KEY = "key"
# What such hosts know, behind what is better; a group of 1,024 bits stays out.
_WEAK = {
    "KexAlgorithms": "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1",
    "PubkeyAcceptedAlgorithms": "ssh-rsa",
    "Ciphers": "aes128-cbc,aes256-cbc",
    "MACs": "hmac-sha1",
}
_KEX = "curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256,diffie-hellman-group16-sha512"
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")  # one kind of key, three ways to sign with it
_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", *_RSA)
_SEEN_KEY = re.compile(r"The fingerprint for the (\S+) key sent by the remote host is\s+(\S+?)\.?\s")


def destination(account: Account) -> str:
    return f"{account.username}@{f'[{account.host}]' if ':' in account.host else account.host}"


def old_ways() -> dict[str, str]:
    """What lets `ssh` speak to a host that knows SHA-1 only."""
    return {
        "KexAlgorithms": f"{_KEX},{_WEAK['KexAlgorithms']}",
        "Ciphers": f"+{_WEAK['Ciphers']}",
        "MACs": f"+{_WEAK['MACs']}",
    }


def key_kinds(kind: str, *, others: bool = False) -> str:
    """How a host may sign with a key of `kind`; with `others` those of any other kind come behind."""
    wanted = _RSA if kind == "ssh-rsa" else (kind,)
    return ",".join((*wanted, *(each for each in _KINDS if others and each not in wanted)))


def options(account: Account, folder: Path) -> list[str]:
    known = folder / "known_hosts"
    known.write_text("pinned " + " ".join(account.host_key.split()[:2]) + "\n")
    stated = old_ways() | {
        "Port": str(account.port),
        "HostKeyAlias": "pinned",
        "UserKnownHostsFile": str(known),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "HostKeyAlgorithms": key_kinds(account.host_key.split()[0]),
        "PubkeyAcceptedAlgorithms": f"+{_WEAK['PubkeyAcceptedAlgorithms']}",
        "ConnectTimeout": str(_CONNECT_SECONDS),
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "2",
        "NumberOfPasswordPrompts": "1",
        "IdentitiesOnly": "yes",
        "IdentityFile": "none",
        "BatchMode": "no",  # before -b, which would let it ask no helper for the password
    }
    if account.key is not None:
        key = folder / _KEY
        key.touch(mode=0o600)
        key.write_text(account.key if account.key.endswith("\n") else account.key + "\n")
        stated |= {"IdentityFile": str(key), "PreferredAuthentications": "publickey"}
    else:
        stated |= {"PreferredAuthentications": "password,keyboard-interactive", "PubkeyAuthentication": "no"}
    return ["-F", "/dev/null", *(f"-o{name}={value}" for name, value in stated.items())]


def forget_key(folder: Path) -> None:
    """Who is signed in needs the private key no more."""
    (folder / _KEY).unlink(missing_ok=True)


def environment(account: Account, folder: Path) -> dict[str, str]:
    """What `sftp` sees: a helper that tells it the password, and nothing of ours."""
    helper = folder / "askpass"
    helper.write_text('#!/bin/sh\nprintf "%s\\n" "$SFTP_PASSWORD"\n')
    helper.chmod(0o700)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "SSH_ASKPASS": str(helper),
        "SSH_ASKPASS_REQUIRE": "force",
        "SFTP_PASSWORD": account.password or "",
    }


def _fingerprint(line: str) -> str:
    kind, encoded = line.split()[:2]
    digest = hashlib.sha256(base64.b64decode(encoded)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def why(account: Account, said: str) -> PermanentError | TransientError:
    """What `ssh` said when it did not get in, as our error."""
    if "Host key verification failed" in said or "no matching host key type" in said:
        seen = _SEEN_KEY.search(said)
        return HostKeyMismatch(
            account.place,
            seen=f"{seen[1]} {seen[2]}" if seen else "of another kind",
            expected=_fingerprint(account.host_key),
        )
    if "Unable to negotiate" in said:
        return TransientError(
            f"{account.place} offers no key exchange or cipher that OpenSSH accepts. Ask the institution to "
            "update its SSH server, or choose another way of delivery.",
            code=FailureCode.REFUSED_BY_HOST,
        )
    if "Permission denied" in said or "Too many authentication failures" in said:
        return sign_in_refused(account)
    for why in ("Connection refused", "timed out", "No route to host", "Could not resolve"):
        if why in said:
            return unreachable(account, why)
    return lost(account)
