"""A host that falls silent at any byte, in the key exchange too, is given up when its time is over."""

import itertools
import threading
from pathlib import Path

import pytest

from distribution.channels.electronic import drop, openssh, session
from distribution.channels.electronic.remote import Account
from distribution.errors import TransientError
from tests.support import sftp_servers
from tests.support.relay import BlackHole
from tests.support.sftp_servers import Host

# In the banner, the key exchange, the sign-in, the channel, the file: the host says about 3,000 bytes.
SILENT_AFTER_BYTES = (0, 10, 41, 200, 1200, 1500, 1700, 1900, 2100, 2300, 2500, 2700, 2900)
_PARCELS = itertools.count()


class _NoNotes:
    def begin(self) -> int:
        return 1

    def closing(self, name: str, upload: int) -> None: ...

    def renaming(self, name: str, upload: int) -> None: ...

    def undone(self, name: str) -> None: ...


def _deliver(host: Host, port: int, transport: str, below: Path) -> None:
    account = Account("127.0.0.1", port, host.username, host.host_key, host.key)
    parcel = drop.Parcel(f"parcel-{next(_PARCELS)}", b"x" * 100_000)
    line_out = (
        openssh.connect(account, seconds=1, below=below)
        if transport == "openssh"
        else session.connect(account, seconds=1)
    )
    try:
        drop.publish(line_out, drop.Terms(host.path("in")), [parcel], notes=_NoNotes(), seconds=1)
    finally:
        line_out.close()


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_it_is_given_up_wherever_it_falls_silent(tmp_path: Path, transport: str) -> None:
    before = threading.active_count()
    told: dict[int, str] = {}

    def give_up(after_bytes: int) -> None:
        with BlackHole(host.port, after_bytes=after_bytes) as port:
            try:
                _deliver(host, port, transport, tmp_path / "sftp")
            except TransientError as exc:
                told[after_bytes] = exc.code

    with sftp_servers.openssh(tmp_path / "host") as host:
        waits = [
            threading.Thread(target=give_up, args=(after_bytes,), daemon=True)
            for after_bytes in SILENT_AFTER_BYTES
        ]
        for thread in waits:
            thread.start()
        for thread in waits:
            # Far beyond the limit of one second, and far below every time-out of the clients themselves.
            thread.join(12)
        assert [thread for thread in waits if thread.is_alive()] == []
    assert told == dict.fromkeys(SILENT_AFTER_BYTES, "timed-out")
    assert threading.active_count() <= before + 4 * len(waits)  # the relays' own
