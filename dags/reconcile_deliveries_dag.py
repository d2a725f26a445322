"""On the morning of a business day: is everything that is owed delivered, waiting or held?"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task
from score_distribution_duty import DUTY, ISO_DATE, note_of
from score_distribution_timetables import BusinessNightTimetable

# The worst come first; the whole list: python -m distribution reconcile
SHOWN = 50


@dag(
    dag_id="reconcile_deliveries",
    doc_md=note_of(__file__),
    schedule=BusinessNightTimetable(hour=7),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=DUTY,
    tags=["scores", "proof"],
    params={
        "date": Param(
            None,
            type=["null", "string"],
            pattern=ISO_DATE,
            title="Day",
            description="YYYY-MM-DD; empty = the day of this run, in New York.",
        )
    },
)
def reconcile_deliveries() -> None:
    @task(inlets=[Asset("deliveries")])
    def reconcile(
        *, params: Any = None, dag_run: Any = None, data_interval_end: Any = None
    ) -> dict[str, Any]:
        from distribution.business_days import business_date
        from distribution.errors import OutOfBalance
        from distribution.jobs import reconcile_deliveries, wiring

        line = wiring.open_line()
        at = data_interval_end or dag_run.run_after
        on = business_date(params["date"], at=at, zone=line.settings.zone)
        found = reconcile_deliveries.reconcile(line, on=on)
        if not found["balanced"]:
            raise OutOfBalance(" ".join(found["faults"]))
        counts = {name: found[name] for name in ("date", "balanced", "owed", "carried")}
        return counts | {"needs_a_person": found["needs_a_person"][:SHOWN]}

    # Not part of the proof, but due on the same mornings: who ordered yesterday gets this year's code today.
    @task
    def issue_missing_codes(
        *, params: Any = None, dag_run: Any = None, data_interval_end: Any = None
    ) -> dict[str, Any]:
        from distribution.business_days import business_date
        from distribution.jobs import issue_access_codes, wiring

        line = wiring.open_line()
        at = data_interval_end or dag_run.run_after
        on = business_date(params["date"], at=at, zone=line.settings.zone)
        return issue_access_codes.issue_missing(line, on=on).counts()

    @task
    def portal_morning(
        *, params: Any = None, dag_run: Any = None, data_interval_end: Any = None
    ) -> dict[str, Any]:
        """Requests for codes, what ended, the reminder of 15 August, notices of new scores."""
        from distribution.business_days import business_date
        from distribution.jobs import keep_codes, portal_notices, wiring

        line = wiring.open_line()
        at = data_interval_end or dag_run.run_after
        on = business_date(params["date"], at=at, zone=line.settings.zone)
        done = keep_codes.morning(line, on=on, at=line.now())
        return done | {"notices": portal_notices.send_notices(line, on=on, at=line.now())}

    reconcile()
    issue_missing_codes() >> portal_morning()


reconcile_deliveries()
