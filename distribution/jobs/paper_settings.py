"""What the settings say of paper, checked before anything is planned: a planned batch must be printable."""

from distribution.channels.paper import letterhead
from distribution.errors import UsageError
from distribution.jobs import mail_codes
from distribution.settings import Settings


def check(settings: Settings) -> None:
    """Raise UsageError for a return address or a mailer id that pieces cannot be printed with."""
    return_address(settings)
    mail_codes.mailer_of(settings)


def return_address(settings: Settings) -> tuple[str, ...]:
    """The return address line by line. Raises UsageError for one that cannot be printed."""
    lines = letterhead.lines_of(settings.return_address)
    if fault := letterhead.fault_of(lines):
        raise UsageError(
            f"DISTRIBUTION_RETURN_ADDRESS cannot be printed: it {fault}. Set one to three lines parted by "
            "`|`, look at them with `batch proof`, then do this again. Nothing was planned or printed."
        )
    return lines
