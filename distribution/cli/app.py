"""The command line: finds the noun that was named, runs it, and turns errors into exit codes."""

import importlib
import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from distribution.cli.output import YesOption, say
from distribution.errors import (
    AnotherRunHoldsTheLock,
    DistributionError,
    FeedRefused,
    OutOfBalance,
    TransientError,
    UsageError,
)

PROGRAM = "python -m distribution"
UNEXPECTED, USAGE, REFUSED, OUT_OF_BALANCE, LOCKED, TEMPORARY, INTERRUPTED = 1, 2, 4, 5, 6, 75, 130

# One module each in this package; a noun whose module is not there is not offered.
NOUNS = {
    "run": "The night: ingest, route, print, send, stage, balance, report.",
    "feed": "Feeds that arrived: take in, check, list.",
    "institution": "Recipients and how their scores reach them.",
    "sending": "Pause and resume all sending.",
    "delivery": "What is owed to whom, and where it stands.",
    "batch": "Print batches for the mailroom.",
    "layout": "Layouts of the electronic files.",
    "codes": "Access codes of schools and districts.",
    "hold": "Rows and deliveries that wait for a person.",
    "school": "Schools' scores as the portal shows them.",
    "candidate": "Merge and split candidates.",
    "score": "The way of one result.",
    "routing": "Why a result goes where it goes.",
    "disclosure": "To whom a student's record was shown.",
    "reconcile": "What is owed against what was delivered.",
    "verify": "Check files and receipts against the ledger.",
    "purge": "Remove what the retention period no longer covers.",
    "legal-hold": "Keep records beyond the retention period.",
    "portal": "The coordinators' portal.",
    "console": "The operations console.",
    "db": "The ledger's database.",
    "demo": "Invented feeds, hosts and mailboxes.",
}
SINGLE_COMMANDS = frozenset({"reconcile", "verify", "purge"})


class Nouns(TyperGroup):
    """The nouns as a group; a noun's module is imported when it is called, never for `--help`."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [noun for noun in NOUNS if _is_there(noun)]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        return load(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(noun, NOUNS[noun]) for noun in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _module(noun: str) -> str:
    return f"distribution.cli.{noun.replace('-', '_')}"


def _is_there(noun: str) -> bool:
    return importlib.util.find_spec(_module(noun)) is not None


def load(noun: str) -> TyperCommand | TyperGroup:
    """The commands of one noun, each of them with `--yes`."""
    noun_app: typer.Typer = importlib.import_module(_module(noun)).app
    # Plain text everywhere: no colour to switch off, and nothing to import for it.
    noun_app.rich_markup_mode = None
    make = typer.main.get_command if noun in SINGLE_COMMANDS else typer.main.get_group
    command: Any = make(noun_app)
    command.name = noun
    _accept_yes(command)
    return command


def _accept_yes(command: Any) -> None:
    """Let scripts add `--yes` to any command, also to one that asks nothing."""
    for inner in getattr(command, "commands", {}).values():
        _accept_yes(inner)
    if not hasattr(command, "commands") and not any("--yes" in param.opts for param in command.params):
        command.params.append(_unused_yes())


def _unused_yes() -> Any:
    bearer = typer.Typer(add_completion=False)

    @bearer.command()
    def bear(yes: YesOption = False) -> None:
        """Carries the option."""

    option: Any = typer.main.get_command(bearer).params[0]
    option.expose_value, option.hidden = False, True
    return option


app = typer.Typer(
    cls=Nouns,
    name=PROGRAM,
    help="Carries exam results from the board to those who may see them.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="More on stderr, tracebacks too.")] = False,
) -> None:
    if verbose:
        os.environ["DISTRIBUTION_DEBUG"] = "1"
    set_up_logging()


def set_up_logging() -> None:
    """Logs go to stderr: ours in full, those of libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(PROGRAM)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    # A second command in one process speaks once, and to the stderr of its own time.
    root.handlers = [other for other in root.handlers if other.get_name() != PROGRAM] + [handler]
    root.setLevel(logging.INFO if _is_debugging() else logging.WARNING)
    logging.getLogger("distribution").setLevel(logging.DEBUG if _is_debugging() else logging.INFO)


def _is_debugging() -> bool:
    return os.environ.get("DISTRIBUTION_DEBUG", "") not in ("", "0")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; its exit code (contract: Commands)."""
    try:
        outcome = typer.main.get_command(app).main(args=argv, prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as exc:
        return _misused(exc)
    except typer.Abort:
        return _failed("interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except DistributionError as exc:
        return _failed(str(exc), exit_code_of(exc))
    except Exception as exc:  # noqa: BLE001  # the last door: the text of the error may hold a student's record
        return _unexpected(exc)
    return outcome if isinstance(outcome, int) else 0


def exit_code_of(error: DistributionError) -> int:
    """The exit code that the class of an error stands for."""
    for kind, code in (
        (UsageError, USAGE),
        (FeedRefused, REFUSED),
        (OutOfBalance, OUT_OF_BALANCE),
        (AnotherRunHoldsTheLock, LOCKED),
        (TransientError, TEMPORARY),
    ):
        if isinstance(error, kind):
            return code
    return UNEXPECTED


def _misused(error: Any) -> int:
    error.show()
    return int(error.exit_code)


def _failed(message: str, code: int) -> int:
    say(f"error: {message}")
    return code


def _unexpected(error: Exception) -> int:
    """Tell where it broke and what broke, never the error's own words: they may quote a record."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if _is_debugging():
        say("".join(traceback.format_tb(error.__traceback__)).rstrip())
    say(
        f"error: {type(error).__name__} in {frame.filename}, line {frame.lineno}. "
        f"This is a fault of the program: run it again as `{PROGRAM} -v …` and report what it shows."
    )
    return UNEXPECTED
