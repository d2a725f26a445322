"""Every command, link and name in the documents for newcomers can be found in the project."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from distribution.cli import app

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    "README.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
PYTHON = re.compile(r"(?:\.venv/bin/)?python -m distribution(?![.\w])")
CONTAINERS = "docker compose"


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def commands_in(document: str) -> Iterator[str]:
    """Each line of a shell block, and each inline code that is a command."""
    text = read(document)
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`([^`\n]+)`", prose):
        first = code.partition(" ")[0]
        if " " in code and (
            first in {*app.NOUNS, "make"} or code.startswith(CONTAINERS) or PYTHON.match(code)
        ):
            yield code


EVERY_COMMAND = sorted({command for document in DOCUMENTS for command in commands_in(document)})


def test_the_two_commands_of_the_readme_come_first():
    assert list(commands_in("README.md"))[:2] == ["make nightly", "make test"]


@pytest.mark.parametrize("command", [text for text in EVERY_COMMAND if text.startswith("make ")])
def test_each_make_target_is_in_the_makefile(command):
    assert set(command.split()[1:]) <= TARGETS


@pytest.mark.parametrize(
    "command", [text for text in EVERY_COMMAND if not text.startswith("make ") and CONTAINERS not in text]
)
def test_each_command_of_the_line_takes_what_is_written(command):
    noun, *words = PYTHON.sub("", command, count=1).split() or ["--help"]
    if noun == "--help":
        return
    found = app.load(noun)
    if hasattr(found, "commands"):
        verb = words.pop(0)
        assert verb in found.commands, f"{noun} has no {verb}"
        found = found.commands[verb]
    known = {name for param in found.params for name in param.opts}
    assert {word for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("command", [text for text in EVERY_COMMAND if CONTAINERS in text])
def test_each_command_for_containers_names_what_the_compose_file_has(command):
    stated = yaml.safe_load(read("docker-compose.yaml"))["services"]
    for service in re.findall(r" exec (\S+)", command):
        assert service in stated
    for profile in re.findall(r"--profile (\S+)", command):
        assert any(profile in service.get("profiles", ()) for service in stated.values())
    for inner in PYTHON.split(command)[1:]:
        test_each_command_of_the_line_takes_what_is_written(inner)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_the_readme_leads_to_each_document(document):
    assert f"({document})" in read("README.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_link_leads_to_a_file(document):
    for target in re.findall(r"\]\(([^)#:]+)\)", read(document)):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def test_the_readme_names_exactly_the_dags_there_are():
    named = set(re.findall(r"^\| `(\w+)` \| ", read("README.md"), re.MULTILINE))
    assert named == {path.stem.removesuffix("_dag") for path in (ROOT / "dags").glob("*_dag.py")}


def test_the_readme_says_whose_mark_clep_is():
    assert "CLEP is a trademark of the College Board, which is not affiliated" in read("README.md")


def test_each_exit_code_has_its_row():
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", read("docs/quickstart.md"), re.MULTILINE)}
    assert codes == {0, app.UNEXPECTED, app.USAGE, 3, app.REFUSED, app.OUT_OF_BALANCE, app.LOCKED} | {
        app.TEMPORARY,
        app.INTERRUPTED,
    }
