"""How often one may try to sign in: whoever guesses is stopped, the account and its school are not locked."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_WINDOW_SECONDS = 15 * 60.0
# Wrong passwords of one account from one address; then that address waits for that account.
OF_ACCOUNT_THERE = 10
# Of an address, whatever the accounts, and of an account, whatever the addresses. Beyond them waits who was
# wrong with this account at this address before; whoever was not is looked at all the same, so that nobody
# shuts out a network that many share, or somebody elsewhere.
OF_ADDRESS, OF_ACCOUNT = 100, 50


class SignInLimits:
    """The tries of the last quarter of an hour, in the memory of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._there, self._addresses, self._accounts = _Wrong(), _Wrong(), _Wrong()

    def take(self, *, account: str, address: str) -> float | None:
        """Count a try as wrong before its password is looked at, or a burst would slip through.

        Returns the moment by which `give_back` knows it; None for a try that is not looked at.
        """
        with self._one_at_a_time:
            now = self._clock()
            there, of_address, of_account = (
                wrong.count(name, since=now - _WINDOW_SECONDS)
                for wrong, name in self._counted(account, address)
            )
            is_guessing = of_address >= OF_ADDRESS or of_account >= OF_ACCOUNT
            if there >= OF_ACCOUNT_THERE or (there and is_guessing):
                return None
            for wrong, name in self._counted(account, address):
                wrong.add(name, at=now)
            return now

    def give_back(self, taken: float, *, account: str, address: str) -> None:
        """The password was right: that try was no guess."""
        with self._one_at_a_time:
            for wrong, name in self._counted(account, address):
                wrong.remove(name, at=taken)

    def _counted(self, account: str, address: str) -> tuple[tuple["_Wrong", str], ...]:
        return (self._there, f"{address} {account}"), (self._addresses, address), (self._accounts, account)


class _Wrong:
    """Moments of wrong tries by name; names whose tries are all over are forgotten, the oldest first."""

    def __init__(self) -> None:
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, name: str, *, since: float) -> int:
        self._forget(since)
        moments = self._moments.get(name, ())
        return sum(moment > since for moment in moments)

    def add(self, name: str, *, at: float) -> None:
        self._moments.setdefault(name, deque(maxlen=OF_ADDRESS)).append(at)
        self._moments.move_to_end(name)

    def remove(self, name: str, *, at: float) -> None:
        moments = self._moments.get(name)
        if moments and at in moments:
            moments.remove(at)

    def _forget(self, since: float) -> None:
        while self._moments and not any(moment > since for moment in next(iter(self._moments.values()))):
            self._moments.popitem(last=False)
