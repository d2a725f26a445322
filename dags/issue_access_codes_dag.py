"""Once a year before 1 July: count who gets an access code, ask a person, issue, mail."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task
from score_distribution_duty import DUTY, ISO_DATE, note_of
from score_distribution_timetables import YearlyTimetable

QUESTION = """{% set counted = ti.xcom_pull(task_ids='preview') %}
Contacts in force on {{ counted['on'] }}:

* eligible organisations: **{{ counted['eligible'] }}**
* get a mail: **{{ counted['to_mail'] }}**
* keep the code they have: **{{ counted['kept'] }}**
* without a contact, a person must find one: **{{ counted['no_contact'] }}**
* whose mail came back: **{{ counted['bounced'] }}**
* closed, get none: **{{ counted['closed'] }}**

Approve: codes are made and mailed to the primary contacts. Reject: nothing happens."""


@dag(
    dag_id="issue_access_codes",
    doc_md=note_of(__file__),
    schedule=YearlyTimetable(month=6, day=15),
    catchup=False,
    max_active_runs=1,
    # A person has two weeks to answer.
    dagrun_timeout=timedelta(days=16),
    default_args=DUTY,
    tags=["codes", "yearly"],
    params={
        "year": Param(
            None,
            type=["null", "string"],
            pattern="^[0-9]{4}-[0-9]{2}$",
            title="Academic year",
            description="Such as 2027-28; empty = the year that begins next.",
        ),
        "date": Param(
            None,
            type=["null", "string"],
            pattern=ISO_DATE,
            title="Day",
            description="YYYY-MM-DD on which contacts must be in force; empty = the day of this run.",
        ),
    },
)
def issue_access_codes() -> None:
    @task
    def preview(*, params: Any = None, dag_run: Any = None, data_interval_end: Any = None) -> dict[str, Any]:
        from distribution import academic_year
        from distribution.business_days import business_date
        from distribution.jobs import issue_access_codes, wiring

        line = wiring.open_line()
        at = data_interval_end or dag_run.run_after
        on = business_date(params["date"], at=at, zone=line.settings.zone)
        coming = academic_year.academic_year_of(on) + 1
        year = academic_year.parsed(params["year"]) if params["year"] else coming
        found = issue_access_codes.preview(line, year=year, on=on)
        lists = ("to_mail", "kept", "no_contact", "bounced", "closed")
        counts = {name: len(getattr(found, name)) for name in lists}
        return {"year": year, "named": found.year, "on": on.isoformat(), "eligible": found.eligible} | counts

    approval = ApprovalOperator(
        task_id="approval",
        subject="Issue the access codes of {{ ti.xcom_pull(task_ids='preview')['named'] }}?",
        body=QUESTION,
        response_timeout=timedelta(days=14),
        execution_timeout=None,
        retries=0,
    )

    @task
    def issue(counted: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        from datetime import date

        from distribution.jobs import issue_access_codes, wiring

        outcome = issue_access_codes.issue(
            wiring.open_line(),
            year=counted["year"],
            on=date.fromisoformat(counted["on"]),
            approved_by=answer["responded_by_user"]["name"],
        )
        return outcome.counts()

    @task
    def mail() -> dict[str, Any]:
        from dataclasses import asdict

        from distribution.jobs import mails, wiring

        return asdict(mails.send_waiting(wiring.open_line()))

    counted = preview()
    counted >> approval
    issue(counted, approval.output) >> mail()


issue_access_codes()
