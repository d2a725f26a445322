"""How often one may try to sign in: whoever guesses is stopped, the account and its school are not locked."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

# Wrong passwords count by account and address together, so that nobody can shut out somebody elsewhere;
# an address that tries many accounts meets the second limit.
_OF_ACCOUNT = RateLimitItemPerMinute(10, 15)
_OF_ADDRESS = RateLimitItemPerMinute(100, 15)


class SignInLimits:
    """The tries of the last quarter of an hour, in the memory of this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def allows(self, *, account: str, address: str) -> bool:
        """True while a try of this account from this address is looked at."""
        return self._limiter.test(_OF_ACCOUNT, account, address) and self._limiter.test(_OF_ADDRESS, address)

    def note_wrong(self, *, account: str, address: str) -> None:
        """A password was wrong."""
        self._limiter.hit(_OF_ACCOUNT, account, address)
        self._limiter.hit(_OF_ADDRESS, address)
