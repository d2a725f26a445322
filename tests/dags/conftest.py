"""Airflow under the project's set-up, in a home of its own; told before the first `import airflow`."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_HOME = Path(tempfile.mkdtemp(prefix="score-distribution-airflow-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

SETUP = {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
    "PYTHONPATH": str(ROOT),
}
os.environ.update({name: value for name, value in SETUP.items() if name.startswith("AIRFLOW")})
sys.path.append(str(ROOT / "plugins"))


def run_python(*arguments: str) -> str:
    """What Python prints under Airflow's set-up, in a process of its own."""
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=told | SETUP,
        cwd=_HOME,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own tables, on SQLite."""
    run_python("-m", "airflow", "db", "migrate")
