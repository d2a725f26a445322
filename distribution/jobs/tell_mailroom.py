"""The mail that tells the mailroom how much paper waits for it: once for each batch, as soon as it stands."""

from itertools import groupby

from distribution.channels.paper.geometry import STOCKS, StockName
from distribution.jobs import mails as post
from distribution.jobs.wiring import Line, actor
from distribution.ledger import batch_life, mails
from distribution.ledger.mails import BatchVolume, PlannedMail

MAILROOM_VOLUMES = "mailroom-volumes"


def tell_mailroom(line: Line) -> int:
    """Plan and send a mail for each night whose batches the mailroom was not told of; how many are new.

    It goes out before anything else of the night does, so that paper is laid ready. Batches of a night that
    was broken off are told by the one that takes over. Nobody is told without `DISTRIBUTION_MAILROOM_EMAIL`;
    a mail server that is not there is counted, never raised: the mail then leaves with those of the night.
    """
    planned = _plan(line)
    with line.connect() as conn:
        waiting = [mail.message_id for mail in mails.waiting(conn) if mail.kind == MAILROOM_VOLUMES]
    post.send_waiting(line, only=waiting)
    return planned


def _plan(line: Line) -> int:
    """Mails and the batches' notes that they were told, in one transaction: never twice for one batch."""
    to = line.settings.mailroom_email
    if to is None:
        return 0
    with line.connect() as conn:
        untold = mails.untold_batches(conn)
        nights = [list(batches) for _, batches in groupby(untold, key=lambda batch: batch.business_date)]
        for batch in untold:
            batch_life.note(conn, batch.batch_id, "announced", at=line.now(), actor=actor())
        return mails.plan(conn, [_mail(line, to, batches) for batches in nights], planned_at=line.now())


def _mail(line: Line, to: str, batches: list[BatchVolume]) -> PlannedMail:
    """The mail of one night's batches. It is known by the first of them: no other mail begins with that."""
    values = {
        "day": batches[0].business_date.isoformat(),
        "batches": [_volume_of(line, batch) for batch in batches],
        "operations_email": line.settings.operations_email,
    }
    return post.planned_mail(MAILROOM_VOLUMES, key=batches[0].batch_id, organization="", to=to, values=values)


def _volume_of(line: Line, batch: BatchVolume) -> dict[str, object]:
    """A batch as the mailroom's mail has it: envelopes by their name, times as the mailroom's clock shows."""
    at = batch.mail_by.astimezone(line.settings.zone) if batch.mail_by else None
    return {
        "batch_id": batch.batch_id,
        "pieces": batch.pieces,
        "sheets": batch.sheets,
        "sheets_per_piece": batch.sheets_per_piece,
        "stock": STOCKS[StockName(batch.stock)].title,
        "mail_by": f"{at:%A} {at.day} {at:%B}, {at:%H:%M}" if at else "",
    }
