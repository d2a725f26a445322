"""Once per business night: route what was recorded, print, send, stage, balance, report."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task
from score_distribution_duty import DUTY, ISO_DATE, note_of
from score_distribution_timetables import BusinessNightTimetable

RESULTS, DELIVERIES, REPORT = Asset("results"), Asset("deliveries"), Asset("report")

MEANING = {
    0: "Done: balanced, and every file arrived.",
    3: "Finished and balanced, but files failed or wait for a retry: see `delivery list --state failed`.",
    4: "Finished and balanced, but a feed was refused: see `feed list`.",
}


@dag(
    dag_id="distribute_scores",
    doc_md=note_of(__file__),
    # Never by asset: sending happens once per date, however many feeds come in a day.
    schedule=BusinessNightTimetable(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DUTY,
    tags=["scores", "nightly"],
    params={
        "date": Param(
            None,
            type=["null", "string"],
            pattern=ISO_DATE,
            title="Business date",
            description="YYYY-MM-DD; empty = the night of this run, in New York.",
        )
    },
)
def distribute_scores() -> None:
    @task
    def open_run(*, params: Any = None, dag_run: Any = None, data_interval_end: Any = None) -> str:
        from distribution.business_days import business_date
        from distribution.jobs import distribute_scores, wiring

        line = wiring.open_line()
        at = data_interval_end or dag_run.run_after
        on = business_date(params["date"], at=at, zone=line.settings.zone)
        return distribute_scores.open_run(line, on=on)

    @task
    def ingest(run: str) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.ingest(wiring.open_line(), run)

    @task(inlets=[RESULTS])
    def route(run: str) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.route(wiring.open_line(), run)

    @task
    def print_paper(run: str) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.print_paper(wiring.open_line(), run)

    @task
    def build(run: str) -> list[list[str]]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.build(wiring.open_line(), run)

    # Each shard holds a bounded pool of SFTP sessions of its own.
    @task(max_active_tis_per_dagrun=2)
    def send(run: str, dis: list[str]) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.send(wiring.open_line(), run, dis)

    @task
    def stage(run: str) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.stage(wiring.open_line(), run)

    # A night without electronic files skips `send`, and closes all the same.
    @task(trigger_rule="none_failed", outlets=[DELIVERIES, REPORT])
    def close_run(run: str) -> dict[str, Any]:
        from distribution.jobs import distribute_scores, wiring

        return distribute_scores.close_run(wiring.open_line(), run)

    @task
    def verdict(document: dict[str, Any]) -> str:
        from distribution.errors import OutOfBalance

        if document["exit"] not in MEANING:
            raise OutOfBalance(
                f"Run {document['run']} is out of balance: sending is blocked. Read its report, "
                "find what is missing or twice, then run the night again."
            )
        return MEANING[document["exit"]]

    run = open_run()
    routed = route(run)
    ingest(run) >> routed
    shards = build(run)
    ways = [print_paper(run), send.partial(run=run).expand(dis=shards), stage(run)]
    closed = close_run(run)
    routed >> [ways[0], shards, ways[2]]
    ways >> closed
    verdict(closed)


distribute_scores()
