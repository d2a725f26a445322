"""As feeds come: check them, record them, say that there are new results."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from score_distribution_duty import DUTY, note_of

RESULTS = Asset("results")


@dag(
    dag_id="ingest_feeds",
    doc_md=note_of(__file__),
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args=DUTY,
    tags=["scores", "ingest"],
)
def ingest_feeds() -> None:
    @task(outlets=[RESULTS])
    def ingest(*, outlet_events: Any = None) -> dict[str, Any]:
        from distribution.jobs import ingest_feeds, wiring

        feeds = ingest_feeds.ingest_inbox(wiring.open_line()).feeds
        if not feeds:
            raise AirflowSkipException("No feed has arrived.")
        counts: dict[str, Any] = {
            name: sum(getattr(feed, name) for feed in feeds)
            for name in ("records", "new", "corrected", "duplicate", "held")
        }
        counts["feeds"] = {feed.file: str(feed.state) for feed in feeds}
        outlet_events[RESULTS].extra = counts
        return counts

    ingest()


ingest_feeds()
