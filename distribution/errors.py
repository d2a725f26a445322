"""The errors of the line: the class says what the caller does, the message says what a person does next."""


class DistributionError(Exception):
    """Any error that the line itself raises.

    `code` is the short word of the contract that stands in ledgers, reports and the runbook.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None):
        super().__init__(message)
        if code is not None:
            self.code = code


class TransientError(DistributionError):
    """Nothing is wrong with what we tried: the next run tries again (exit 75)."""

    code = "temporary"


class PermanentError(DistributionError):
    """Trying again changes nothing: a person must act first."""

    code = "permanent"


class UsageError(PermanentError):
    """The command or a setting was wrong (exit 2)."""

    code = "usage"


class FeedRefused(PermanentError):
    """A whole feed was refused: nothing of it is recorded (exit 4).

    `code` is one of `model.RefusalCode`; `line` counts from 1 with the header row as line 1.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        what_to_do: str,
        line: int | None = None,
        column: str | None = None,
    ):
        self.detail, self.what_to_do, self.line, self.column = detail, what_to_do, line, column
        super().__init__(f"{detail} {what_to_do}", code=code)


class OutOfBalance(PermanentError):
    """A balance does not add up: sending stops until a person has found out why (exit 5)."""

    code = "out-of-balance"


class AnotherRunHoldsTheLock(TransientError):
    """Another run is at work; two may not move the same records (exit 6)."""

    code = "locked"
