"""Two senders of one delivery: the first is stopped past its lease and continued; it can do nothing more."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from distribution.jobs.wiring import Line
from tests.support import killed_senders, sftp_servers
from tests.support.killed_senders import Cell, Outcome, Setting
from tests.support.sftp_servers import Host

AGREED = {
    "rename": Setting("rename", sftp_servers.openssh, {"control": "both"}),
    "temporary folder": Setting("temporary folder", sftp_servers.openssh, {"publish": "temp-folder"}),
    "done-file": Setting("done-file", sftp_servers.openssh, {"publish": "done-file"}),
    "without looking": Setting("without looking", sftp_servers.openssh, {"look": "none"}),
}
STEPS = (4, 10, 14, 16, 18, 19, 20, 22, 24, 27)
UNDER_WAY = {14, 16, 18, 19, 20}  # it has an attempt of its own, and has not come to its end


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


def stopped_at(cell: Cell, step: int) -> int:
    """Send in a process of its own that stops at its step-th step. Returns its id; 0 = it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            left = itertools.count(step - 1, -1)

            def tick() -> None:
                if next(left) == 0:
                    os.kill(os.getpid(), signal.SIGSTOP)

            for owner, name in killed_senders._STEPS:
                setattr(owner, name, killed_senders._counted(getattr(owner, name), tick))
            killed_senders.send(cell)
        finally:
            os._exit(0)
    return child if os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]) else 0


def let_it_go_on(late: int) -> None:
    if late:
        os.kill(late, signal.SIGCONT)
        os.waitpid(late, 0)


def let_its_lease_end(cell: Cell) -> None:
    with cell.line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET leased_until = clock_timestamp() - interval '1 second'")


@pytest.mark.parametrize("agreed", AGREED)
def test_the_late_one_is_fenced_off(line: Line, sshd: Host, tmp_path: Path, agreed: str) -> None:
    setting = AGREED[agreed]
    line = killed_senders.prepare(line, setting)
    cells = killed_senders.new_cells(line, sshd, setting, len(STEPS))
    ends, overtaken = [], []
    for cell, step in zip(cells, STEPS, strict=True):
        late = stopped_at(cell, step)
        let_its_lease_end(cell)
        killed_senders.settle(cell)
        if late and killed_senders._file(cell).attempt > 1:
            overtaken.append(step)
        let_it_go_on(late)
        ends.append(killed_senders.judge(cell))
    # A done-file that was announced and does not stand yet may be one that a robot took.
    is_doubtful = agreed in ("without looking", "done-file")
    fair = {Outcome.DELIVERED, Outcome.HELD} if is_doubtful else {Outcome.DELIVERED}
    assert set(ends) <= fair, dict(zip(STEPS, ends, strict=True))
    assert agreed != "done-file" or ends.count(Outcome.HELD) <= 1
    assert set(overtaken) >= UNDER_WAY
    with line.connect() as conn:
        twice = (
            "SELECT count(*) FROM (SELECT 1 FROM ledger.receipt GROUP BY subject HAVING count(*) > 1) AS t"
        )
        assert conn.execute(twice).fetchone() == (0,)


def test_before_its_lease_ends_nobody_takes_the_file(line: Line, sshd: Host) -> None:
    setting = AGREED["rename"]
    line = killed_senders.prepare(line, setting)
    (cell,) = killed_senders.new_cells(line, sshd, setting, 1)
    first = stopped_at(cell, 14)
    killed_senders.send(cell)
    assert not [path for path in sshd.folder(cell.code).iterdir() if not path.name.endswith(".part")]
    let_it_go_on(first)
    assert killed_senders.judge(cell) is Outcome.DELIVERED
