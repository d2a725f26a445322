"""Later revisions: corrections, cancellations and withheld scores, of today's or an earlier day's results."""

from enum import StrEnum
from typing import Any

from distribution.demo.chance import Chance
from distribution.demo.organizations import Directory
from distribution.demo.result_rows import ResultRows, Selection


class Change(StrEnum):
    """What a later revision changes."""

    SCORE = "score"
    CANCELLED = "cancelled"
    WITHHELD = "withheld"
    NAME = "name"
    RECIPIENT = "recipient"
    NO_RECIPIENT = "no recipient"


_OFTEN = (
    Change.SCORE,
    Change.CANCELLED,
    Change.WITHHELD,
    Change.NAME,
    Change.RECIPIENT,
    Change.NO_RECIPIENT,
    Change.SCORE,
    Change.CANCELLED,
)


def revise(
    rows: ResultRows, chosen: Selection, *, revision: int, chance: Chance, directory: Directory
) -> ResultRows:
    """The rows at `chosen`, each changed in turn by another `Change`, as `revision`.

    The n-th chosen row is changed in the same way whatever is chosen after it.
    """
    revised = rows.take(chosen)
    luck = chance.draw(f"revision {revision}", len(chosen))
    revised.columns["revision"][:] = str(revision)
    for row in range(len(revised)):
        revised.put(row, **_changed(revised, row, _OFTEN[row % len(_OFTEN)], float(luck[row]), directory))
    return revised


def _changed(rows: ResultRows, row: int, change: Change, luck: float, directory: Directory) -> dict[str, str]:
    if change in (Change.CANCELLED, Change.WITHHELD):
        return {"status": str(change), "scaled_score": ""}
    if change is Change.NAME:
        return {"last_name": f"{rows['last_name'][row]}-Marsh"}
    if change is Change.RECIPIENT:
        recipient = directory.dis[int(luck * len(directory.dis))].code
        return {"recipient_1": recipient, "recipient_2": ""}
    if change is Change.NO_RECIPIENT:
        return {"recipient_1": "", "recipient_2": ""}
    return {"status": "scored", "scaled_score": _other_score(rows["scaled_score"][row])}


def _other_score(score: Any) -> str:
    """A score three points up, or three down near the top; 50 where there was none."""
    if not score:
        return "50"
    points = int(score)
    return str(points + 3 if points <= 77 else points - 3)
