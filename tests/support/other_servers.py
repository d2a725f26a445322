"""Partners' hosts that are no plain OpenSSH: ProFTPD, dropbear, Twisted conch, a chroot, a small disk."""

import getpass
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.sftp_servers import PASSWORD, Host, _running, free_port, new_key, openssh, public_line

_NSS_WRAPPER = Path("/usr/lib/x86_64-linux-gnu/libnss_wrapper.so")
_MOD_SFTP = Path("/usr/lib/proftpd/mod_sftp.so")


class NotHere(Exception):
    """A server cannot run on this machine; the words say why."""


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise NotHere(f"{package} is not installed")
    return found


@contextmanager
def chrooted(folder: Path, **given: str) -> Iterator[Host]:
    """OpenSSH that locks the account into its folder."""
    if os.geteuid() != 0:
        raise NotHere("a chroot needs root")
    # sshd asks that every folder above belongs to root and is closed to others: /tmp is not.
    cage = Path(tempfile.mkdtemp(prefix="score-distribution-", dir="/srv"))
    cage.chmod(0o755)
    try:
        with openssh(folder, more=f"ChrootDirectory {cage}", root=cage, seen_as="/", **given) as host:
            yield host
    finally:
        shutil.rmtree(cage)


@contextmanager
def small_disk(folder: Path, *, size: str = "256k") -> Iterator[Host]:
    """OpenSSH over a file system that holds next to nothing."""
    if os.geteuid() != 0:
        raise NotHere("mounting a small disk needs root")
    root = folder / "small"
    root.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", root], capture_output=True, check=False
    )
    if mounted.returncode:
        raise NotHere("this machine mounts no tmpfs")
    try:
        with openssh(folder, root=root) as host:
            yield host
    finally:
        subprocess.run(["umount", "-l", root], check=False)


@contextmanager
def proftpd(folder: Path, *, more: str = "") -> Iterator[Host]:
    """ProFTPD with mod_sftp, by password."""
    program = _program("proftpd", "proftpd-core")
    if not _MOD_SFTP.exists():
        raise NotHere("proftpd-mod-crypto is not installed")
    if os.geteuid() != 0:
        raise NotHere("ProFTPD needs root")
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    root.mkdir(exist_ok=True)
    key, port = new_key(), free_port()
    host_file = folder / "host_key"
    host_file.write_bytes(key.export_private_key())
    host_file.chmod(0o600)
    coded = subprocess.run(
        ["openssl", "passwd", "-5", PASSWORD], capture_output=True, text=True, check=True
    ).stdout.strip()
    accounts = folder / "accounts"
    accounts.write_text(f"clep:{coded}:0:0::{root}:/bin/sh\n")
    accounts.chmod(0o600)
    (folder / "group").write_text("clep:x:0:\n")
    (folder / "group").chmod(0o600)
    config = folder / "proftpd.conf"
    config.write_text(
        f"""
ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerName test
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
User root
Group root
UseReverseDNS off
RequireValidShell off
RootLogin on
WtmpLog off
PidFile {folder}/pid
ScoreboardFile {folder}/scoreboard
DelayTable none
DelayEngine off
SystemLog {folder}/system.log
TransferLog none
AuthOrder mod_auth_file.c
AuthUserFile {accounts}
AuthGroupFile {folder}/group
MaxInstances 100
AllowOverwrite on
SFTPEngine on
SFTPLog {folder}/sftp.log
SFTPHostKey {host_file}
SFTPAuthMethods password
{more}
"""
    )
    with _running([program, "-n", "-c", str(config)], port, folder / "out.log"):
        yield Host(port, public_line(key), "", "clep", root, password=PASSWORD)


@contextmanager
def dropbear(folder: Path) -> Iterator[Host]:
    """dropbear with OpenSSH's sftp-server; it looks for keys in a home that only it sees."""
    program = _program("dropbear", "dropbear-bin")
    if not Path("/usr/lib/sftp-server").exists():
        raise NotHere("openssh-sftp-server is not installed")
    if not _NSS_WRAPPER.exists():
        raise NotHere("libnss-wrapper is not installed")
    root, home = folder / "root", folder / "home"
    root.mkdir(parents=True, exist_ok=True)
    (home / ".ssh").mkdir(parents=True)
    account_key, port = new_key(), free_port()
    (home / ".ssh" / "authorized_keys").write_text(public_line(account_key) + "\n")
    for path in (home, home / ".ssh", home / ".ssh" / "authorized_keys"):
        path.chmod(0o700)
    host_file = folder / "dropbear_key"
    made = subprocess.run(
        [_program("dropbearkey", "dropbear-bin"), "-t", "ed25519", "-f", host_file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = next(line for line in made.splitlines() if line.startswith("ssh-ed25519"))
    user = getpass.getuser()
    (folder / "passwd").write_text(f"{user}:x:{os.geteuid()}:{os.getegid()}::{home}:/bin/sh\n")
    (folder / "group").write_text(f"{user}:x:{os.getegid()}:\n")
    seen = {
        "LD_PRELOAD": str(_NSS_WRAPPER),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }
    command = [program, "-F", "-E", "-s", "-p", f"127.0.0.1:{port}", "-r", str(host_file)]
    command += ["-P", str(folder / "pid")]
    with _running(command, port, folder / "dropbear.log", environment={**os.environ, **seen}):
        yield Host(port, " ".join(line.split()[:2]), account_key.export_private_key().decode(), user, root)


@contextmanager
def conch(folder: Path) -> Iterator[Host]:
    """Twisted conch, whose rename overwrites."""
    if importlib.util.find_spec("twisted") is None:
        raise NotHere("twisted[conch] is not installed")
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    key, account_key, port = new_key(), new_key(), free_port()
    (folder / "host_key").write_bytes(key.export_private_key())
    (folder / "allowed").write_text(public_line(account_key) + "\n")
    command = [sys.executable, "-m", "tests.support.conch_server", str(port)]
    command += [str(folder / "host_key"), str(folder / "allowed"), str(root)]
    with _running(command, port, folder / "conch.log"):
        yield Host(port, public_line(key), account_key.export_private_key().decode(), "clep", root)
