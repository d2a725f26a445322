"""The command line: lazy nouns, exit codes, where words go, and what never shows."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import typer

from distribution import errors
from distribution.cli import app, output


@pytest.fixture
def noun(monkeypatch: pytest.MonkeyPatch) -> Iterator[typer.Typer]:
    """A noun `trial` whose commands a test registers."""
    module = ModuleType("distribution.cli.trial")
    module.app = typer.Typer()
    module.__spec__ = app.__spec__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(app.NOUNS, "trial", "For tests.")
    monkeypatch.delenv("DISTRIBUTION_DEBUG", raising=False)
    yield module.app
    os.environ.pop("DISTRIBUTION_DEBUG", None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("wrong"), 2),
        (errors.FeedRefused("columns", "A column is missing.", what_to_do="Ask."), 4),
        (errors.OutOfBalance("does not add up"), 5),
        (errors.AnotherRunHoldsTheLock("wait"), 6),
        (errors.TransientError("later"), 75),
        (errors.PermanentError("never"), 1),
    ],
)
def test_each_class_of_error_has_its_exit_code_and_its_words_on_stderr(noun, capsys, error, code):
    @noun.command("break")
    def fail() -> None:
        raise error

    assert app.main(["trial", "break"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"error: {error}\n"


def test_a_command_may_end_with_a_code_of_its_own(noun):
    @noun.command("end")
    def end() -> None:
        raise typer.Exit(3)

    assert app.main(["trial", "end"]) == 3


def test_an_interrupted_command_exits_130(noun):
    @noun.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    assert app.main(["trial", "wait"]) == 130


@pytest.mark.parametrize("flags", [[], ["-v"]])
def test_an_unexpected_error_tells_where_but_never_quotes_the_record(noun, capsys, flags):
    @noun.command("break")
    def fail() -> None:
        raise ValueError("cell: " + "-".join(["Nguyễn", "001234"]))

    assert app.main([*flags, "trial", "break"]) == 1
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "Nguyễn-001234" not in said
    assert ("raise ValueError" in said) == bool(flags)


@pytest.mark.parametrize("argv", [["nosuch"], ["trial", "nosuch"], ["trial", "speak", "--nosuch"]])
def test_a_wrong_command_line_exits_2(noun, argv):
    noun.command("speak")(lambda: None)
    assert app.main(argv) == 2


def test_yes_is_accepted_by_a_command_that_asks_nothing(noun):
    noun.command("speak")(lambda: None)
    assert app.main(["trial", "speak", "--yes"]) == 0


def test_a_noun_with_one_command_still_wants_its_verb(noun):
    noun.command("speak")(lambda: None)
    assert app.main(["trial", "speak"]) == 0


def test_without_a_terminal_a_question_needs_yes(noun, capsys):
    @noun.command("ask")
    def ask(yes: output.YesOption = False) -> None:
        output.confirm("Really?", yes=yes)

    assert app.main(["trial", "ask"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert app.main(["trial", "ask", "--yes"]) == 0


def test_json_is_one_document_on_stdout_and_progress_is_on_stderr(capsys):
    output.say("working")
    output.emit(output.list_document("feeds", [{"file": "results-20261122-001.csv"}]), as_json=True)
    said = capsys.readouterr()
    assert said.err == "working\n"
    assert json.loads(said.out) == {"schema_version": 1, "feeds": [{"file": "results-20261122-001.csv"}]}


def test_a_table_lines_up_numbers_and_names_in_any_script(capsys):
    table = output.Table(["name", "scores"], [["Łukasz", 7], ["Nguyễn", 1200]], empty="Nobody.")
    output.emit({}, as_json=False, table=table)
    assert capsys.readouterr().out.splitlines() == [
        "name    scores",
        "------  ------",
        "Łukasz       7",
        "Nguyễn   1,200",
    ]


def test_an_id_is_written_as_it_is_typed_and_a_count_with_commas():
    table = output.Table(["id", "records"], [[1248, 1248]], empty="None.")
    assert output.table_lines(table)[-1].split() == ["1248", "1,248"]


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 20 columns reads what commands say."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")


TOWNS = output.Table(["code", "name"], [["0007", "Kestrel Lake Institute"]], empty="None.", shortened="name")


def test_on_a_narrow_terminal_the_longest_texts_are_shortened(narrow):
    assert output.table_lines(TOWNS)[1:] == ["----  --------------", "0007  Kestrel Lake …"]


def test_where_no_terminal_reads_nothing_is_cut_or_folded():
    assert output.table_lines(TOWNS)[-1] == "0007  Kestrel Lake Institute"
    assert output.folded("a " * 60, first="  says ") == ["  says " + "a " * 60]


def test_a_long_sentence_is_folded_below_itself(narrow):
    lines = output.folded("Ask the institution for the folder.", first="  says  ", indent=8)
    assert lines == ["  says  Ask the institution", "        for the folder."]


def test_an_empty_table_says_what_to_do(capsys):
    empty = "No feed yet. Put one into inbox/."
    output.emit({}, as_json=False, table=output.Table(["file"], [], empty=empty))
    assert capsys.readouterr().out == f"{empty}\n"


def test_help_names_every_noun_there_is_and_imports_none_of_them():
    script = (
        "import sys; from distribution.cli import app; code = app.main(['--help']);"
        "loaded = [name for name in sys.modules if name.startswith('distribution.')];"
        "print(*loaded, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {
        "distribution.cli.app",
        "distribution.cli.output",
        "distribution.errors",
        "distribution.cli",
    } == set(done.stderr.split())
    for noun in app.Nouns(name="all").list_commands(None):
        assert f"  {noun} " in done.stdout


@pytest.mark.parametrize("name", app.Nouns(name="all").list_commands(None))
def test_the_help_of_each_noun_can_be_read(name, capsys):
    assert app.main([name, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_logs_go_to_stderr_once_whatever_ran_before(noun, capsys):
    @noun.command("work")
    def work() -> None:
        logging.getLogger("distribution.trial").info("One unit of work done")
        logging.getLogger("some.library").info("Chatter")

    assert app.main(["trial", "work"]) == 0
    capsys.readouterr()
    assert app.main(["trial", "work"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("One unit of work done") == 1
    assert "Chatter" not in said.err


def test_nothing_is_coloured(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert app.main(["--help"]) == 0
    assert "\x1b" not in capsys.readouterr().out
