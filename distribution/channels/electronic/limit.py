"""Work at a host with a hard end: its line is cut, and what still does not come back is left behind."""

import threading
from collections.abc import Callable
from typing import TypeVar

import paramiko

from distribution.channels.electronic.remote import too_slow
from distribution.errors import DistributionError

Outcome = TypeVar("Outcome")
GRACE_SECONDS = 5.0  # from the cut to leaving behind: a client that can be cut comes back in tenths
_BY_THE_CUT = (DistributionError, OSError, EOFError, paramiko.SSHException)


class Cord:
    """What ends the work at a host when it is pulled; what is tied to it afterwards is ended at once."""

    def __init__(self, *ends: Callable[[], None]):
        self._ends = list(ends)
        self._is_pulled = False
        self._lock = threading.Lock()

    def tie(self, end: Callable[[], None]) -> None:
        with self._lock:
            if not self._is_pulled:
                self._ends.append(end)
                return
        end()

    def pull(self) -> None:
        with self._lock:
            ends, self._ends, self._is_pulled = self._ends, [], True
        for end in ends:
            end()


class _Work:
    """A piece of work in a thread of its own, which keeps no process from ending."""

    def __init__(self, work: Callable[[], Outcome]):
        self._work = work
        self._is_done = threading.Event()
        self._gave: object = None
        self.raised: BaseException | None = None
        threading.Thread(target=self._run, name="host", daemon=True).start()

    def _run(self) -> None:
        try:
            self._gave = self._work()
        except BaseException as exc:  # noqa: BLE001  it is raised again where the work was asked for
            self.raised = exc
        finally:
            self._is_done.set()

    def is_done(self, seconds: float) -> bool:
        return self._is_done.wait(seconds)

    def outcome(self) -> object:
        if self.raised is not None:
            raise self.raised
        return self._gave


def within(seconds: float, work: Callable[[], Outcome], *, place: str, cord: Cord) -> Outcome:
    """Do `work` at a host, for `seconds` at most; then `cord` is pulled.

    Raises what `work` raises, and TransientError (`timed-out`) when its time was over. Neither name look-ups
    nor libraries can be made to stop, so work that ignores the cut is left behind after a grace: whoever
    hands it something to write with must take that back.
    """
    doing = _Work(work)
    try:
        if doing.is_done(seconds):
            return doing.outcome()  # type: ignore[return-value]
        # The cut is not waited for either: it may touch what is stuck.
        threading.Thread(target=cord.pull, name="cut", daemon=True).start()
        if not doing.is_done(GRACE_SECONDS):
            raise too_slow(place, seconds)
        if isinstance(doing.raised, _BY_THE_CUT):
            raise too_slow(place, seconds) from doing.raised
        return doing.outcome()  # type: ignore[return-value]
    except (KeyboardInterrupt, SystemExit):
        cord.pull()
        raise
