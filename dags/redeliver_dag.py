"""By hand: send a file, a batch or a school's scores once more."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task
from score_distribution_duty import DUTY, ISO_DATE, note_of


@dag(
    dag_id="redeliver",
    doc_md=note_of(__file__),
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=DUTY,
    tags=["scores", "by hand"],
    params={
        "what": Param("file", type="string", enum=["file", "batch", "school"], title="What"),
        "name": Param(
            type="string",
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$",
            title="Name",
            description="A file's name, a batch such as PB-20261123-A, or a school's code.",
        ),
        "reason": Param(
            type="string",
            minLength=5,
            maxLength=200,
            title="Reason",
            description="Why, for the record. No student's name or number.",
        ),
        "date": Param(
            None,
            type=["null", "string"],
            pattern=ISO_DATE,
            title="Business date",
            description="YYYY-MM-DD; empty = today in New York.",
        ),
    },
)
def redeliver() -> None:
    @task(outlets=[Asset("deliveries")])
    def send_again(*, params: Any = None, dag_run: Any = None) -> dict[str, Any]:
        from distribution.business_days import business_date
        from distribution.jobs import redeliver, wiring

        line = wiring.open_line()
        on = business_date(params["date"], at=dag_run.run_after, zone=line.settings.zone)
        return redeliver.redeliver(
            line, what=params["what"], name=params["name"], reason=params["reason"], on=on
        )

    send_again()


redeliver()
