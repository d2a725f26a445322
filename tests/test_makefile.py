"""make: the targets are explained, set-up is quiet when nothing changed, failures say what to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BASH = shutil.which("bash") or "/bin/bash"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests hands its own flags down.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_make_alone_explains_every_target():
    told = run("make").stdout
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)) - {"debian"}
    assert set(re.findall(r"^  make (\w+) ", told, re.MULTILINE)) == targets


def test_the_targets_that_people_rely_on_are_there():
    told = run("make", "help").stdout
    for target in ("setup", "nightly", "test", "proof", "bench", "airflow", "lint", "types"):
        assert f"make {target} " in told


def test_make_test_checks_style_types_and_behaviour():
    planned = run("make", "-n", "test").stdout
    for check in ("ruff check .", "ruff format --check .", "mypy", "-m pytest", "debian_packages.sh"):
        assert check in planned


def test_the_portals_benchmark_measures_pages_exports_and_wrong_codes():
    planned = run("make", "-n", "bench-portal").stdout
    for path in ("benchmarks/portal.py", "benchmarks/redeem.py"):
        assert path in planned


def test_make_portal_makes_the_demo_and_serves_it_where_it_says():
    planned = run("make", "-n", "portal").stdout
    assert "-m distribution.demo.portal --serve" in planned
    assert "DISTRIBUTION_PORTAL_URL ?= http://127.0.0.1:8081" in MAKEFILE


def test_python_may_keep_its_compiled_files():
    show = "show:;@env"
    told = run("make", f"--eval={show}", "show", PYTHONDONTWRITEBYTECODE="1", VIRTUAL_ENV="/nowhere").stdout
    assert "PYTHONDONTWRITEBYTECODE" not in told
    assert "VIRTUAL_ENV" not in told


def test_ci_runs_what_the_readme_says():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "exec make test" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "make test" in (ROOT / "README.md").read_text("utf-8")


def test_without_a_python_set_up_says_what_is_missing(tmp_path):
    done = run(BASH, "tools/setup.sh", str(tmp_path / "venv"), PATH=str(tmp_path))
    assert done.returncode == 2
    assert "Python 3.11" in done.stderr


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A folder with the few programs of a machine that has no test tools."""
    for name in ("id", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    return tmp_path


def test_without_apt_the_missing_tools_are_named(bare_machine):
    done = run(BASH, "tools/debian_packages.sh", PATH=str(bare_machine))
    assert done.returncode == 2
    for package in ("poppler-utils", "qpdf", "chromium"):
        assert package in done.stderr


def test_with_apt_exactly_the_missing_tools_are_installed(bare_machine):
    for program in ("pdftotext", "chromium", "sshd", "mutool", "gs"):
        script(bare_machine / program, "exit 0")
    script(bare_machine / "apt-get", f'echo "$@" >> {bare_machine}/asked')
    script(bare_machine / "id", "echo 0")
    (bare_machine / "id").chmod(0o755)
    done = run(BASH, "tools/debian_packages.sh", PATH=str(bare_machine))
    assert done.returncode == 0, done.stderr
    asked = (bare_machine / "asked").read_text().splitlines()
    assert asked[0].startswith("update")
    assert asked[1].endswith(" qpdf")
    assert "poppler-utils" not in asked[1]


def test_nothing_is_installed_where_nothing_is_missing(bare_machine):
    for program in ("pdftotext", "chromium", "sshd", "qpdf", "mutool", "gs"):
        script(bare_machine / program, "exit 0")
    script(bare_machine / "apt-get", "exit 1")
    assert run(BASH, "tools/debian_packages.sh", PATH=str(bare_machine)).returncode == 0


def script(path: Path, body: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!{BASH}\n{body}\n")
    path.chmod(0o755)
