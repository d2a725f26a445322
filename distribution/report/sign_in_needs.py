"""What of the portal needs a person, one entry per cause."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from distribution.report.content import Need
from distribution.report.needs import FAILED, REVIEW, counted

_NAMED = 3
_ALARM = 100  # wrong codes within an hour


def of_sign_in(facts: Mapping[str, Any], on: date) -> Iterator[Need]:
    """`facts` of `ledger.sign_in_facts`: closed_doors, requests, bounced, returned, disowned, wrong_codes."""
    if facts["wrong_codes"] >= _ALARM:
        yield Need(
            FAILED,
            f"{counted(facts['wrong_codes'], 'wrong access code')} within an hour",
            "",
            0,
            "Somebody may be guessing; each account and address is limited, no school is locked out.",
            on,
            "Look at portal.access_event for account and address; tell security.",
        )
    yield from _doors(facts["closed_doors"])
    yield from _requests(facts["requests"])
    if bounced := facts["bounced"]:
        yield Need(
            REVIEW,
            f"{counted(len(bounced), 'access code')} came back",
            _codes([row["organization_code"] for row in bounced]),
            0,
            "The address was refused, at once or later, or nine attempts stayed without an answer.",
            min(row["since"] for row in bounced),
            "Mend the primary contact by a contacts feed; the next codes issue mails the same code.",
        )
    if returned := facts["returned"]:
        yield Need(
            REVIEW,
            f"{counted(len(returned), 'contact')} whose mail came back",
            _codes([row["organization_code"] for row in returned]),
            0,
            "Notices, requests and reminders do not reach this address.",
            min(row["since"] for row in returned),
            "Mend the contact by a contacts feed, or let the coordinator name another alternate.",
        )
    if disowned := facts["disowned"]:
        scores = sum(row["count"] for row in disowned)
        yield Need(
            REVIEW,
            f"{counted(scores, 'score')} marked as not our student",
            _codes([row["school_code"] for row in disowned]),
            scores,
            "They left the view of that school; other recipients keep them.",
            min(row["since"] for row in disowned),
            "Ask the board whose the result is, then school marks confirm or refuse; a corrected revision "
            "brings it where it belongs.",
        )


def _doors(closed: Sequence[Mapping[str, Any]]) -> Iterator[Need]:
    for why, meaning, next_step in (
        (
            "no-coordinator",
            "No coordinator or alternate is in force, there or at the district.",
            "Find a coordinator and have the contact sent in a contacts feed, or confirm a request.",
        ),
        (
            "no-code",
            "A coordinator is on file, but no access code of this year.",
            "The coordinator can ask for it in the portal; codes preview says why none was due.",
        ),
    ):
        schools = [row for row in closed if row["why"] == why]
        if schools:
            scores = sum(row["scores"] for row in schools)
            yield Need(
                REVIEW,
                f"{counted(len(schools), 'school')} with scores and nobody able to sign in: {why}",
                _codes([row["code"] for row in schools]),
                scores,
                f"{counted(scores, 'score')} unseen. {meaning}",
                min(row["since"] for row in schools),
                next_step,
            )


def _requests(waiting: Sequence[Mapping[str, Any]]) -> Iterator[Need]:
    for row in waiting:
        what = "request for an access code" if row["kind"] == "code" else "sign-in with an address in use"
        many = "requests for an access code" if row["kind"] == "code" else "sign-ins with an address in use"
        yield Need(
            REVIEW,
            f"{counted(row['count'], what, many)} {'waits' if row['count'] == 1 else 'wait'}",
            "",
            0,
            "The asker was told 3–5 business days.",
            row["since"],
            "codes requests list; confirm or refuse each, through a contact on file or outside.",
        )


def _codes(codes: Sequence[str]) -> str:
    return " ".join(codes) if len(codes) <= _NAMED else ""
