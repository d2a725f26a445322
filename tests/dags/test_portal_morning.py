"""The portal's morning as a task: what it does on a business day, done again, and what it tells Airflow."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from distribution.jobs import portal_access, wiring
from distribution.jobs.stage_scores import stage_scores
from tests.dags.test_dags import bag
from tests.support import mail_servers, records
from tests.support.portal import code_in, mint, sign_in

SCHOOL, OTHER = "100001", "100002"
KIM, LEE = "kim@example.org", "lee@example.org"
# 07:00 in New York on Monday 16 August 2027, the first business day from the 15th.
MORNING = datetime(2027, 8, 16, 11, 0, tzinfo=UTC)


@pytest.fixture
def server():
    return mail_servers.TakesAll()


@pytest.fixture
def line(line, server, monkeypatch):
    """A school with a code that nobody used and a new score; at another one the coordinator has left."""
    with line.connect() as conn:
        for school in (SCHOOL, OTHER):
            records.institution(conn, school)
            records.contact(conn, school)
        records.contact(conn, SCHOOL, "coordinator", email=KIM)
        records.contact(conn, OTHER, "coordinator", email=LEE, valid_to=date(2027, 8, 1))
        records.owe(conn, records.result(conn, "R-1", test_date=date(2027, 8, 10)), SCHOOL)
    stage_scores(line, run_id="N20270813-01", on=date(2027, 8, 13))
    with line.connect() as conn:
        conn.execute("UPDATE portal.staged_score SET staged_at = %s", [datetime(2027, 8, 14, tzinfo=UTC)])
    mint(line, SCHOOL)
    sign_in(line, LEE, on=datetime(2027, 7, 20, tzinfo=UTC))
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        ready = replace(line, settings=settings, now=lambda: MORNING)
        monkeypatch.setattr(wiring, "open_line", lambda: ready)
        yield ready


def morning(day: str | None = None) -> dict:
    """What the task gives to Airflow."""
    task = bag().dags["reconcile_deliveries"].get_task("portal_morning")
    return task.python_callable(params={"date": day}, dag_run=None, data_interval_end=MORNING)


def test_the_morning_reminds_notices_answers_and_ends(line, server):
    asker = {"name": "Pat", "email": "pat@example.org", "role": "", "message": ""}
    portal_access.request_code(line, person_id=None, school_code=SCHOOL, at=MORNING, **asker)
    server.mails.clear()
    with line.connect() as conn:  # as if nobody had been there to answer it
        conn.execute("UPDATE portal.code_request SET state = 'open', settled_at = NULL")
        conn.execute("DELETE FROM ledger.mail")
    done = morning()
    assert {name: count for name, count in done.items() if count} == {
        "requests": 1,
        "bindings_ended": 1,
        "reminded": 1,
        "notices": 1,
    }
    assert {mail["To"] for mail in server.mails} == {KIM, f"contact-{SCHOOL}@example.org"}


def test_done_again_nobody_is_told_twice(line, server):
    morning()
    told = len(server.mails)
    assert set(morning().values()) == {0}
    assert len(server.mails) == told


def test_after_a_morning_that_failed_the_reminder_goes_on_the_next_one(line):
    assert morning("2027-08-18")["reminded"] == 1
    assert morning("2027-10-01")["reminded"] == 0


def test_airflow_is_told_counts_alone(line, server):
    done = morning()
    reminder = next(mail for mail in server.mails if mail["Subject"].startswith("Reminder"))
    assert all(isinstance(value, int) for value in done.values())
    for secret in (code_in(reminder), KIM, SCHOOL, "Nguy"):
        assert secret not in json.dumps(done)


def test_it_follows_the_codes_of_those_who_ordered_yesterday_and_the_proof_waits_for_neither():
    dag = bag().dags["reconcile_deliveries"]
    assert dag.get_task("portal_morning").upstream_task_ids == {"issue_missing_codes"}
    assert dag.get_task("reconcile").downstream_task_ids == set()
