"""The five Dags load, say what to do when they fail, and hold what every Dag of the house must hold."""

import subprocess
import sys
from copy import deepcopy
from datetime import timedelta
from functools import cache

import pytest

from distribution import errors
from tests.dags.conftest import ROOT, run_python

DAG_IDS = ["distribute_scores", "ingest_feeds", "issue_access_codes", "reconcile_deliveries", "redeliver"]
BY_TIME = [dag_id for dag_id in DAG_IDS if dag_id != "redeliver"]

READS_ALL = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow import plugins_manager
bag = DagBag(sys.argv[1])
faults = plugins_manager._get_plugins()[1]
heavy = {"pandas", "pandera", "pyarrow", "paramiko", "reportlab", "psycopg", "alembic", "fastapi"}
print(json.dumps({"dags": len(bag.dags), "faults": faults, "heavy": sorted(heavy & set(sys.modules))}))
"""


@cache
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(params=DAG_IDS)
def dag(request):
    return bag().dags[request.param]


def test_all_dags_load_without_an_error():
    assert bag().import_errors == {}
    assert sorted(bag().dags) == DAG_IDS


def test_airflow_lists_the_five(airflow_database):
    run_python("-m", "airflow", "dags", "reserialize")
    listed = run_python("-m", "airflow", "dags", "list", "--columns", "dag_id")
    assert [line.strip() for line in listed.splitlines() if line.strip() in DAG_IDS] == DAG_IDS


def test_reading_dags_and_plugins_imports_no_heavy_library():
    told = run_python("-c", READS_ALL, str(ROOT / "dags"))
    assert told.splitlines()[-1] == '{"dags": 5, "faults": {}, "heavy": []}'


def test_the_note_tells_the_person_on_call_what_to_do_and_that_a_rerun_harms_nobody(dag):
    heading, failure = dag.doc_md.split("## If it fails")
    assert heading.startswith(f"# {dag.dag_id}")
    assert "| symptom | what it means | what to do | whom to call |" in failure
    assert "**Who is harmed by a rerun?** Nobody" in failure


def test_a_dag_has_one_run_at_a_time_no_catch_up_an_owner_tags_and_an_end(dag):
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.owner == "score-operations"
    assert dag.tags
    assert dag.dagrun_timeout is not None


def test_a_task_has_an_end_of_its_own_unless_it_waits_for_a_person(dag):
    for task in dag.tasks:
        waits = getattr(task, "response_timeout", None) or task.execution_timeout
        assert waits is not None, task.task_id
        assert waits > timedelta(0)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (errors.TransientError("the database is away"), "retry"),
        (errors.AnotherRunHoldsTheLock("another night is at work"), "retry"),
        (errors.PermanentError("a person must act"), "fail"),
        (errors.UsageError("a setting is wrong"), "fail"),
        (errors.OutOfBalance("a delivery is missing"), "fail"),
        (ZeroDivisionError(), "default"),
    ],
)
def test_the_class_of_an_error_decides_about_another_try(dag, error, action):
    for task in dag.tasks:
        decision = task.retry_policy.evaluate(error, try_number=1, max_tries=5)
        assert decision.action.value == action


def test_the_night_is_never_started_by_an_asset():
    """Feeds come all day; sending happens once per date."""
    from score_distribution_timetables import BusinessNightTimetable

    assert isinstance(bag().dags["distribute_scores"].timetable, BusinessNightTimetable)


def test_the_night_walks_the_line_in_order():
    tasks = bag().dags["distribute_scores"].task_dict
    upstream = {name: sorted(task.upstream_task_ids) for name, task in tasks.items()}
    assert upstream == {
        "open_run": [],
        "ingest": ["open_run"],
        "route": ["ingest", "open_run"],
        "print_paper": ["open_run", "route"],
        "build": ["open_run", "route"],
        "send": ["build", "open_run"],
        "stage": ["open_run", "route"],
        "close_run": ["open_run", "print_paper", "send", "stage"],
        "verdict": ["close_run"],
    }


def test_assets_show_the_lineage_from_results_to_deliveries():
    night, feeds = bag().dags["distribute_scores"], bag().dags["ingest_feeds"]
    assert [asset.name for asset in feeds.get_task("ingest").outlets] == ["results"]
    assert [asset.name for asset in night.get_task("route").inlets] == ["results"]
    assert [asset.name for asset in night.get_task("close_run").outlets] == ["deliveries", "report"]


@pytest.mark.parametrize(
    ("dag_id", "conf", "fits"),
    [
        ("distribute_scores", {"date": "2026-11-23"}, True),
        ("distribute_scores", {"date": None}, True),
        ("distribute_scores", {"date": "23.11.2026"}, False),
        ("issue_access_codes", {"year": "2027-28"}, True),
        ("issue_access_codes", {"year": "2027"}, False),
        ("redeliver", {"what": "batch", "name": "PB-20261123-A", "reason": "lost in the mail"}, True),
        ("redeliver", {"what": "student", "name": "PB-20261123-A", "reason": "lost in the mail"}, False),
        ("redeliver", {"what": "file", "name": "../etc/passwd", "reason": "lost in the mail"}, False),
        ("redeliver", {"what": "file", "name": "a.txt", "reason": ""}, False),
        ("redeliver", {}, False),
    ],
)
def test_a_form_takes_what_has_the_right_form_and_nothing_else(dag_id, conf, fits):
    from airflow.sdk.exceptions import ParamValidationError

    def filled():
        params = deepcopy(bag().dags[dag_id].params)
        params.update(conf)
        return params.validate()

    if fits:
        assert filled().items() >= conf.items()
    else:
        with pytest.raises(ParamValidationError):
            filled()


def test_access_codes_wait_for_a_person():
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    codes = bag().dags["issue_access_codes"]
    assert isinstance(codes.get_task("approval"), ApprovalOperator)
    assert "approval" in codes.get_task("issue").upstream_task_ids
    assert codes.get_task("mail").upstream_task_ids == {"issue"}


@pytest.mark.parametrize("stem", [path.stem for path in (ROOT / "plugins").glob("*.py")])
def test_a_plugin_file_takes_no_name_that_python_or_the_line_uses(stem):
    """Airflow stores each file below plugins/ in sys.modules by its bare stem."""
    assert stem.startswith("score_distribution_")


def test_dags_load_by_themselves_where_only_the_folders_are_set(tmp_path):
    """As a scheduler elsewhere does: no database, another current folder."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "dags" / "distribute_scores_dag.py")],
        env={
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "PATH": "/usr/bin:/bin",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
