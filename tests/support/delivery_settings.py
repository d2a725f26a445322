"""The hosts and agreements that a delivery must survive: real servers, forbidden requests, named faults."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import asyncssh

from tests.support import other_servers, sftp_servers
from tests.support.killed_senders import Outcome, Pause, Setting
from tests.support.relay import CutsIdle, SlowBanner
from tests.support.sftp_servers import Host, faulty, openssh

# With a done-file too: between the note that it may stand and the file nobody can tell a robot from a cut.
_HELD_TOO = frozenset({Outcome.DELIVERED, Outcome.HELD})
_HELD = frozenset({Outcome.HELD})
_WAITS = frozenset({Outcome.WAITS})

_DONE = {"publish": "done-file"}
_FOLDER = {"publish": "temp-folder"}
_LIST = {"look": "list"}
_NONE = {"look": "none"}
_SFTP = {"transport": "openssh"}
_BOTH = {"control": "both"}


def _sshd(requests: str = "", more: str = "") -> partial[AbstractContextManager[Host]]:
    return partial(openssh, requests=requests, more=more)


@contextmanager
def sha1_only(folder: Path) -> Iterator[Host]:
    """OpenSSH as it was fifteen years ago."""
    old = "HostKeyAlgorithms ssh-rsa\nKexAlgorithms diffie-hellman-group14-sha1\nMACs hmac-sha1\n"
    old += "PubkeyAcceptedAlgorithms ssh-rsa,ssh-ed25519"
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    with openssh(folder, key=key, more=old) as host:
        yield host


@contextmanager
def _slow_banner(folder: Path) -> Iterator[Host]:
    with openssh(folder) as host, SlowBanner(host.port, seconds=BANNER_SECONDS) as port:
        yield sftp_servers.at_port(host, port)


@contextmanager
def _cuts_idle(folder: Path) -> Iterator[Host]:
    with openssh(folder) as host, CutsIdle(host.port, seconds=IDLE_SECONDS) as port:
        yield sftp_servers.at_port(host, port)


GROUP_EXCHANGE = "KexAlgorithms diffie-hellman-group-exchange-sha256"
BANNER_SECONDS = 16.0  # paramiko's own time-out for it is 15 seconds
IDLE_SECONDS = 0.4
_PAUSE_SECONDS = 0.8
_WRITE_ONLY = "-p open,close,write"

REAL: tuple[Setting, ...] = (
    Setting("OpenSSH", _sshd()),
    Setting("OpenSSH, data and sidecar", _sshd(), _BOTH),
    Setting("OpenSSH, chroot", other_servers.chrooted),
    Setting(
        "OpenSSH, chroot, no rename", partial(other_servers.chrooted, requests="-P rename"), _DONE, _HELD_TOO
    ),
    Setting("OpenSSH, temporary folder", _sshd(), _FOLDER | _BOTH),
    Setting("OpenSSH, no posix-rename", _sshd("-P posix-rename")),
    Setting("OpenSSH, no setstat", _sshd("-P setstat,fsetstat")),
    Setting("OpenSSH, no remove", _sshd("-P remove")),
    Setting("OpenSSH, no reading", _sshd("-P read")),
    Setting("OpenSSH, no fstat", _sshd("-P fstat")),
    Setting("OpenSSH, no listing", _sshd("-P opendir,readdir")),
    Setting("OpenSSH, no stat, list", _sshd("-P stat,lstat"), _LIST),
    Setting("OpenSSH, no stat or fstat, list", _sshd("-P stat,lstat,fstat"), _LIST | _BOTH),
    Setting("OpenSSH, no stat, no list", _sshd("-P stat,lstat,opendir,readdir"), _NONE, _HELD_TOO),
    Setting("OpenSSH, nothing to look by", _sshd("-p open,close,write,rename"), _NONE | _BOTH, _HELD_TOO),
    Setting("OpenSSH, no look, temporary folder", _sshd("-P stat,lstat"), _NONE | _FOLDER, _HELD_TOO),
    Setting("OpenSSH, no rename", _sshd("-P rename,posix-rename"), _DONE, _HELD_TOO),
    Setting("OpenSSH, no rename, list", _sshd("-P rename,posix-rename,stat,lstat"), _DONE | _LIST, _HELD_TOO),
    Setting("OpenSSH, write only", _sshd(_WRITE_ONLY), _DONE | _NONE, _HELD_TOO),
    Setting("OpenSSH, one session", _sshd(more="MaxSessions 1")),
    Setting("OpenSSH, new keys all the time", _sshd(more="RekeyLimit 16K")),
    Setting("OpenSSH, group exchange only", _sshd(more=GROUP_EXCHANGE)),
    Setting("OpenSSH, slow banner", _slow_banner, every=12),
    Setting(
        "OpenSSH, cuts who is idle between files",
        _cuts_idle,
        two_files=True,
        pause=Pause("lease", 2, _PAUSE_SECONDS),
    ),
    Setting(
        "OpenSSH, cuts who is idle before renaming",
        _cuts_idle,
        pause=Pause("note_renaming", 1, _PAUSE_SECONDS),
    ),
    Setting("OpenSSH by sftp", _sshd(), _SFTP | _BOTH),
    Setting("OpenSSH by sftp, list", _sshd(), _SFTP | _LIST),
    Setting("OpenSSH by sftp, done-file", _sshd("-P rename"), _SFTP | _DONE, _HELD_TOO),
    Setting("OpenSSH by sftp, no look", _sshd(), _SFTP | _NONE, _HELD_TOO),
    Setting("OpenSSH of SHA-1 only, by sftp", sha1_only, _SFTP),
    Setting("OpenSSH, 32 kB left", partial(other_servers.small_disk, size="32k"), {}, _WAITS, "space"),
    Setting(
        "OpenSSH, 32 kB left, by sftp", partial(other_servers.small_disk, size="32k"), _SFTP, _WAITS, "space"
    ),
    Setting("ProFTPD", other_servers.proftpd),
    Setting("ProFTPD, list", other_servers.proftpd, _LIST | _BOTH),
    Setting("ProFTPD, done-file", other_servers.proftpd, _DONE, _HELD_TOO),
    Setting("ProFTPD, temporary folder", other_servers.proftpd, _FOLDER),
    # It takes a file away whose upload was cut off: then nobody can tell whether a robot did.
    Setting("ProFTPD, hidden stores", partial(other_servers.proftpd, more="HiddenStores on"), {}, _HELD_TOO),
    Setting("dropbear", other_servers.dropbear),
    Setting("dropbear, temporary folder", other_servers.dropbear, _FOLDER | _BOTH),
    Setting("dropbear, done-file", other_servers.dropbear, _DONE, _HELD_TOO),
    Setting("conch", other_servers.conch),
    Setting("conch, list", other_servers.conch, _LIST),
    Setting("conch, temporary folder", other_servers.conch, _FOLDER | _BOTH),
    Setting("conch, done-file", other_servers.conch, _DONE, _HELD_TOO),
)

_S = sftp_servers

FAULTY: tuple[Setting, ...] = (
    Setting("asyncssh", partial(faulty), _BOTH),
    Setting("picks up at once", partial(faulty, fault=_S.PicksUpAtOnce), _BOTH),
    Setting("picks up at once, list", partial(faulty, fault=_S.PicksUpAtOnce), _LIST),
    Setting("picks up at once, no look", partial(faulty, fault=_S.PicksUpAtOnce), _NONE, _HELD_TOO),
    Setting("picks up with the done-file", partial(faulty, fault=_S.PicksUpWithDoneFile), _DONE, _HELD_TOO),
    Setting("drops at close", partial(faulty, fault=_S.DropsAtClose), _BOTH),
    Setting("drops at close, done-file", partial(faulty, fault=_S.DropsAtClose), _DONE, _HELD_TOO),
    Setting("drops at rename", partial(faulty, fault=_S.DropsAtRename)),
    Setting("drops at rename, no look", partial(faulty, fault=_S.DropsAtRename), _NONE, _HELD),
    Setting("drops after rename", partial(faulty, fault=_S.DropsAfterRename), _BOTH),
    Setting("drops after rename, no look", partial(faulty, fault=_S.DropsAfterRename), _NONE, _HELD),
    Setting("picks up and drops", partial(faulty, fault=_S.PicksUpAndDrops), _BOTH),
    Setting("refuses after rename", partial(faulty, fault=_S.RefusesAfterRename)),
    Setting("refuses after rename, no look", partial(faulty, fault=_S.RefusesAfterRename), _NONE, _HELD),
    Setting("robot takes .part", partial(faulty, fault=_S.RobotTakesParts), {}, _HELD),
    Setting(
        "robot takes .part, temporary folder",
        partial(faulty, fault=_S.RobotOfTheLiveFolder),
        _FOLDER,
    ),
    Setting("disk full", partial(faulty, fault=_S.DiskFull), {}, _WAITS, "space"),
    Setting("quota", partial(faulty, fault=_S.QuotaExceeded), {}, _WAITS, "not-written"),
    Setting("full only at close", partial(faulty, fault=_S.FullAtClose), {}, _WAITS, "not-written"),
    Setting("silently truncates", partial(faulty, fault=_S.LiesAboutSize), {}, _WAITS, "not-written"),
    Setting(
        "truncates, shows all", partial(faulty, fault=_S.ShowsTheSizeItWasTold), {}, _WAITS, "not-written"
    ),
    Setting("turns CRLF into LF", partial(faulty, fault=_S.WritesUnixLines), {}, _WAITS, "not-written"),
    Setting("says no size", partial(faulty, fault=_S.SaysNoSize)),
    Setting("says no size, list", partial(faulty, fault=_S.SaysNoSize), _LIST),
    Setting("lies about size", partial(faulty, fault=_S.WrongSize)),
    Setting("folds case", partial(faulty, fault=_S.FoldsCase)),
    Setting("folds case, list", partial(faulty, fault=_S.FoldsCase), _LIST | _BOTH),
    Setting("answers out of order", partial(faulty, fault=_S.AnswersOutOfOrder)),
    Setting("asks for the password", partial(faulty, door=_S.AsksForPasswords)),
    Setting("password", partial(faulty, door=_S.TakesPasswords)),
    Setting("new keys every 20 kB", partial(faulty, rekey_bytes=20_000), _BOTH),
    Setting("stops answering once", partial(faulty, fault=_S.NeverAnswers), seconds=1.5),
)

ALL = (*REAL, *FAULTY)
