"""The demo night: what Airflow is told, that all of it stops, and what the end says."""

import json
import os
import subprocess
import sys
import time

import pytest

from distribution.demo import airflow_stack, ending
from distribution.errors import AnotherRunHoldsTheLock

DOCUMENT = {
    "schema_version": 1,
    "run": "N20261123-01",
    "date": "2026-11-23",
    "balanced": True,
    "exit": 3,
    "received": {"records": 4812, "new": 4731, "corrected": 62, "duplicate": 14, "held": 5},
    "deliveries": {
        "paper": 1237,
        "electronic": 4118,
        "portal": 831,
        "held": 18,
        "failed": 57,
        "waiting": 0,
    },
    "owed": {
        "owed": 6261,
        "delivered": 4949,
        "acknowledged": 0,
        "returned": 0,
        "waiting": 1294,
        "held": 18,
        "withdrawn": 0,
    },
    "carried": {
        "held": {"opening": 23, "added": 18, "released": 6, "rejected": 1, "closing": 34},
        "waiting": {"opening": 410, "added": 6243, "delivered": 6186, "withdrawn": 0, "closing": 467},
    },
    "batches": ["PB-20261123-A"],
    "files": ["CLEP_4471_20261123_000231.txt"],
    "schools": 143,
}


def told(line, **options):
    return airflow_stack.environment(
        line.settings,
        ledger_url="postgresql://postgres@/distribution?host=/run/ledger",
        cluster_url="postgresql://postgres@/distribution?host=/run/ledger",
        **{"schedules": False} | options,
    )


def test_airflow_takes_nothing_over_from_the_caller_s_own_airflow(line, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_SECRET", "sftp://elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = told(line)
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert found["AIRFLOW_HOME"] == str(line.settings.home / "airflow")
    assert "AIRFLOW_CONN_SECRET" not in found
    assert "PYTHONDONTWRITEBYTECODE" not in found


def test_airflow_keeps_its_records_beside_the_ledger_in_a_database_of_its_own(line):
    found = told(line)
    metadata = found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert metadata == "postgresql+psycopg2://postgres@/airflow?host=/run/ledger"
    assert found["DISTRIBUTION_DATABASE_URL"] == "postgresql://postgres@/distribution?host=/run/ledger"


def test_schedules_run_only_where_they_are_asked_for(line):
    assert told(line)["AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"] == "False"
    assert told(line, schedules=True)["AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"] == "True"


def test_two_airflows_on_one_machine_share_no_port(line):
    one, two = told(line), told(line)
    names = [name for name in one if name.endswith("_PORT") and name.startswith("AIRFLOW")]
    assert len(names) == 3
    assert len({*(one[name] for name in names), *(two[name] for name in names)}) == 6


def test_a_home_has_one_airflow_at_a_time(line):
    with (
        airflow_stack.alone(line.settings),
        pytest.raises(AnotherRunHoldsTheLock, match="running already"),
        airflow_stack.alone(line.settings),
    ):
        pass
    with airflow_stack.alone(line.settings):
        pass


def test_passwords_stay_the_same_and_belong_to_the_owner_alone(line):
    path = line.settings.secrets / "airflow-passwords.json"
    told(line)
    first = path.read_text()
    told(line)
    assert path.read_text() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert line.settings.home.stat().st_mode & 0o777 == 0o700
    assert set(json.loads(first)) == {"operations", "mailroom"}


def test_a_process_that_does_not_listen_is_stopped_with_its_children(monkeypatch):
    monkeypatch.setattr(airflow_stack, "STOP_SECONDS", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            deaf + f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {deaf!r} + "
            "'time.sleep(60)']); print(child.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child = int(parent.stdout.readline())
    airflow_stack.stop([parent])
    parent.stdout.close()
    assert parent.returncode != 0
    assert is_gone(child)


def is_gone(pid):
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as status:
            if status.read().rpartition(")")[2].split()[0] == "Z":
                return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    "words",
    [
        "received      4,812 = 4,731 new + 62 corrected + 14 duplicate + 5 held",
        "owed          6,261 = 4,949 delivered + 0 acknowledged",
        "held over     23 opening + 18 added - 6 released - 1 rejected = 34 closing",
        "waiting over  410 opening + 6,243 added - 6,186 delivered - 0 withdrawn = 467 closing",
        "4,118 scores in 1 files tonight",
        "831 rows for 143 schools",
        "exit code     3 (finished and balanced, but files failed or wait for a retry",
        "make airflow",
    ],
)
def test_the_end_tells_the_balance_and_where_everything_lies(line, words):
    assert words in ending.of_night(line.settings, DOCUMENT)


def test_the_end_names_the_report_and_the_print_batches(line):
    text = ending.of_night(line.settings, DOCUMENT | {"batches": ["PB-20261123-AA", "PB-20261123-B"]})
    assert "2 batches" in text
    there = f"PB-20261123-B … PB-20261123-AA: PDF, cover sheet, manifest in {line.settings.paper_outbox}"
    assert there in text
    assert str(line.settings.reports / "2026-11-23" / "N20261123-01" / "report.html") in text


def test_a_second_night_says_that_nothing_was_new(line):
    nothing = DOCUMENT | {
        "received": dict.fromkeys(DOCUMENT["received"], 0),
        "deliveries": dict.fromkeys(DOCUMENT["deliveries"], 0),
        "batches": [],
        "files": [],
        "schools": 0,
    }
    assert "Nothing was sent twice." in ending.of_night(line.settings, nothing)
    assert "Nothing was sent twice." not in ending.of_night(line.settings, DOCUMENT)
