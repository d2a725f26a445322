"""What all Dags share: who is called, how long a task may take, and what is tried again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

# The error class is the decision; the first rule that fits wins. Anything else, a killed worker for one, is
# tried again as Airflow does by default: every step of the line may run twice.
RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="distribution.errors.AnotherRunHoldsTheLock",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=2),
            reason="Another run is at work: wait for it",
        ),
        RetryRule(
            exception="distribution.errors.TransientError",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=3),
            reason="Temporary: try again",
        ),
        RetryRule(
            exception="distribution.errors.PermanentError",
            action=RetryAction.FAIL,
            reason="Trying again changes nothing: a person must act",
        ),
    ]
)

DUTY: dict[str, Any] = {
    "owner": "score-operations",
    "retries": 5,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": RETRIES,
    "execution_timeout": timedelta(hours=1),
}

# A day as people type it into a form; empty = the day of the run.
ISO_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def note_of(dag_file: str) -> str:
    """The note for the person on call: `notes/<dag>.md` beside the Dag's file, for its `doc_md`."""
    path = Path(dag_file)
    return (path.parent / "notes" / f"{path.stem.removesuffix('_dag')}.md").read_text(encoding="utf-8")
