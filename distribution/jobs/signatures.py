"""The senders' signatures on control files, checked by OpenSSH."""

import subprocess
from pathlib import Path

from distribution import advice
from distribution.errors import FeedRefused, TransientError
from distribution.filenames import SIGNATURE_SUFFIX
from distribution.model import RefusalCode

_NAMESPACE = "score-feed"
_SECONDS = 20


def check(feed: Path, control: bytes, *, signers: Path | None) -> None:
    """Raises FeedRefused `signature` unless a known signer signed the control file's bytes.

    `signers` is a file of OpenSSH's allowed-signers form; None = no signature is asked for. Raises
    TransientError where ssh-keygen is missing.
    """
    if signers is None:
        return
    signature = feed.with_name(feed.name + SIGNATURE_SUFFIX)
    if signature.is_symlink() or not signature.is_file():
        raise _refused("The feed has no signature.")
    found = _keygen(["find-principals", "-s", signature, "-f", signers])
    for signer in found.stdout.decode(errors="replace").split():
        arguments: list[str | Path] = [
            "verify",
            "-f",
            signers,
            "-I",
            signer,
            "-n",
            _NAMESPACE,
            "-s",
            signature,
        ]
        if _keygen(arguments, control).returncode == 0:
            return
    raise _refused("No known signer signed the control file as it is.")


def _keygen(arguments: list[str | Path], signed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["ssh-keygen", "-Y", *map(str, arguments)]
    try:
        return subprocess.run(command, input=signed, capture_output=True, timeout=_SECONDS, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as exc:
        raise TransientError(
            "ssh-keygen could not check a feed's signature. Install openssh-client, then run again."
        ) from exc


def _refused(detail: str) -> FeedRefused:
    return FeedRefused(RefusalCode.SIGNATURE, detail, what_to_do=advice.what_to_do(RefusalCode.SIGNATURE))
