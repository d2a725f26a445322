"""Staging of a night: what schools are owed becomes visible in the portal, in one transaction."""

import logging
from dataclasses import dataclass
from datetime import date

from distribution.channels.portal import disowned, staging
from distribution.errors import OutOfBalance
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries, locks, receipts, stagings
from distribution.model import Channel, Receipt

log = logging.getLogger(__name__)

_ACTOR = "pipeline"


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What one staging did: deliveries staged, schools they went to, scores hidden or shown again."""

    staged: int
    schools: int
    hidden: int = 0
    shown_again: int = 0


def stage_scores(line: Line, *, run_id: str, on: date) -> StageOutcome:
    """Stage every pending portal delivery; schools see all of them or, after a crash, none.

    Rows, deliveries, disclosures and receipt are one transaction, so a rerun finds nothing left to do.
    Raises OutOfBalance (and stages nothing) when the table does not hold a row for each delivery.
    """
    at = line.now()
    with line.connect() as conn:
        # What is cancelled or withheld while this goes on waits for it, and then finds the rows to hide.
        locks.wait_in_transaction(conn, locks.SCHOOLS_ROWS, "")
        owed = stagings.take_pending(conn)
        staged = staging.stage(conn, owed, on=on)
        disowned.keep_withdrawn(conn, owed)
        if staged.rows != len(owed):
            raise OutOfBalance(
                f"{len(owed)} deliveries were to be staged, the portal's table holds {staged.rows} of them. "
                "Nothing was staged. Compare ledger.delivery with ledger.result_version, then run again."
            )
        if owed:
            subject = stagings.next_subject(conn, run_id)
            stagings.mark_delivered(conn, owed, at=at)
            deliveries.disclose(conn, delivery_ids=owed, artefact=subject, actor=_ACTOR)
            proof = Receipt(
                channel=Channel.PORTAL,
                subject=subject,
                records=staged.rows,
                sha256=staged.sha256,
                size_bytes=staged.size_bytes,
                received_at=at,
            )
            receipts.write(conn, proof, run_id=run_id)
        hidden = staging.hide_unsettled(conn)
        shown_again = staging.show_settled(conn)
    outcome = StageOutcome(staged.rows, len(staged.schools), hidden, shown_again)
    fields = {"run": run_id, "staged": outcome.staged, "schools": outcome.schools, "hidden": hidden}
    log.info("Staged %(staged)s deliveries for %(schools)s schools; %(hidden)s scores hidden", fields)
    return outcome
