"""Notices of new scores to coordinators and alternates: counts and a link, nothing else."""

import logging
from datetime import date, datetime, timedelta

from distribution.channels.email import message, templates
from distribution.jobs import mails as post
from distribution.jobs.wiring import Line
from distribution.ledger import mails, notices
from distribution.ledger.mails import PlannedMail
from distribution.ledger.notices import Recipient
from distribution.model import NoticeFrequency

log = logging.getLogger(__name__)

# A contact who was never told anything hears of the last week, not of all the years.
_LOOKS_BACK = timedelta(days=7)


def send_notices(line: Line, *, on: date, at: datetime) -> int:
    """Plan and send the notices that are due on a day; returns how many are new.

    Daily ones on each day that this is called, weekly ones once in a calendar week; none where nothing came.
    Called again on the same day nobody is told the same twice: what was counted is noted with the mail.
    """
    with line.connect() as conn:
        due = [each for each in notices.recipients(conn, on=on) if _is_due(each, on)]
        since = {each: each.counted_through or at - _LOOKS_BACK for each in due}
        counted = notices.counts(conn, since, until=at, on=on)
        planned = [_notice(line, each, counted[each], through=at) for each in due if each in counted]
        mails.plan(conn, planned, planned_at=at)
        notices.note(conn, [each for each in due if each in counted], through=at, on=on)
    post.send_waiting(line, only=[each.message_id for each in planned])
    log.info("Notices of new scores: %s", len(planned))
    return len(planned)


def _is_due(recipient: Recipient, on: date) -> bool:
    if recipient.frequency == NoticeFrequency.NONE or recipient.noticed_on == on:
        return False
    if recipient.frequency == NoticeFrequency.DAILY or recipient.noticed_on is None:
        return True
    return recipient.noticed_on.isocalendar()[:2] != on.isocalendar()[:2]


def _notice(line: Line, to: Recipient, counted: tuple[int, int], *, through: datetime) -> PlannedMail:
    new, changed = counted
    subject, body = templates.render(
        post.NEW_SCORES,
        organization=to.organization,
        contact_name=to.name,
        new=new,
        changed=changed,
        portal_url=line.settings.portal_url,
        operations_email=line.settings.operations_email,
    )
    return PlannedMail(
        message_id=message.message_id(
            post.NEW_SCORES, f"{to.organization_code}|{to.email}|{through.isoformat()}"
        ),
        kind=post.NEW_SCORES,
        organization_code=to.organization_code,
        to_address=to.email,
        subject=subject,
        body=body,
    )
