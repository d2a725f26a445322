"""Who watches the folder while files crawl in never sees part of one under its final name."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from distribution.jobs.wiring import Line
from tests.support import killed_senders, sftp_servers
from tests.support.killed_senders import Outcome, Setting
from tests.support.relay import Relay

FILES = 3


class Throttled(Relay):
    """Lets the client's bytes through a little at a time."""

    def upward(self, sink: socket.socket, block: bytes) -> None:
        for start in range(0, len(block), 2048):
            sink.sendall(block[start : start + 2048])
            time.sleep(0.004)


class Watcher:
    """Looks at a folder without rest: which sizes each name had, and what stood beside a done-file."""

    def __init__(self, folder: Path, whole: dict[str, int], *, waits_for_done_file: bool = False):
        self._folder, self._whole, self._waits_for_done_file = folder, whole, waits_for_done_file
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.looks_while_it_crawled = 0
        self.partial: list[str] = []

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            done = {name for name in os.listdir(self._folder) if name.startswith("CTL_")}
            for name in os.listdir(self._folder):
                with contextlib.suppress(FileNotFoundError):
                    self._note(name, (self._folder / name).stat().st_size, is_announced=bool(done))

    def _note(self, name: str, size: int, *, is_announced: bool) -> None:
        in_part = name not in self._whole or size != self._whole[name]
        self.looks_while_it_crawled += in_part
        if in_part and name in self._whole and self._counts(name, is_announced=is_announced):
            self.partial.append(f"{name}: {size}")

    def _counts(self, name: str, *, is_announced: bool) -> bool:
        """Where a done-file is agreed, its name announces the data; no more is promised of itself."""
        if self._waits_for_done_file:
            return is_announced and not name.startswith("CTL_")
        return True


@pytest.mark.parametrize(
    "agreed",
    [
        {},
        {"control": "both"},
        {"control": "both", "look": "list"},
        {"control": "sidecar", "layout": "csv-1"},
        {"publish": "temp-folder"},
        {"publish": "temp-folder", "control": "both"},
        {"publish": "done-file"},
    ],
    ids=[
        "rename",
        "rename, control file",
        "rename, control file, list",
        "rename, csv",
        "temporary folder",
        "temporary folder, control file",
        "done-file",
    ],
)
def test_no_part_is_ever_seen_under_a_final_name(line: Line, tmp_path: Path, agreed: dict[str, str]) -> None:
    setting = Setting("throttled", sftp_servers.openssh, agreed)
    with sftp_servers.openssh(tmp_path / "host") as host, Throttled(host.port) as port:
        line = killed_senders.prepare(line, setting)
        slow = sftp_servers.at_port(host, port)
        for cell in killed_senders.new_cells(line, slow, setting, FILES):
            kept = line.settings.electronic_outbox / cell.code
            whole = {path.name: path.stat().st_size for path in kept.iterdir()}
            has_control_file = "control" in agreed or agreed.get("publish") == "done-file"
            assert any(name.startswith("CTL_") for name in whole) is has_control_file
            watcher = Watcher(
                host.folder(cell.code), whole, waits_for_done_file=agreed.get("publish") == "done-file"
            )
            with watcher:
                killed_senders.send(cell)
            assert watcher.partial == []
            assert watcher.looks_while_it_crawled > 0 or agreed.get("publish") == "temp-folder"
            assert killed_senders.judge(cell) is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("name", "waits_for_done_file", "is_seen"),
    [
        ("CLEP_4471_20261123_000001.txt", False, True),
        ("CTL_4471_20261123_000001.json", False, True),
        ("CTL_4471_20261123_000001.json", True, False),
    ],
)
def test_who_watches_would_see_a_file_that_is_written_in_place(
    tmp_path: Path, name: str, waits_for_done_file: bool, is_seen: bool
) -> None:
    watcher = Watcher(tmp_path, {name: 10}, waits_for_done_file=waits_for_done_file)
    with watcher, (tmp_path / name).open("wb", buffering=0) as file:
        file.write(b"12345")
        time.sleep(0.2)
        file.write(b"67890")
    assert bool(watcher.partial) is is_seen
    assert watcher.looks_while_it_crawled > 0
