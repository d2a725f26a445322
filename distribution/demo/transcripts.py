"""Transcript requests of a day: candidates who want their whole history sent to a DI."""

from dataclasses import astuple, dataclass, fields
from datetime import date

from distribution.demo.chance import Chance, pick
from distribution.demo.recipients import UNKNOWN_DIS
from distribution.demo.result_rows import ResultRows
from distribution.demo.results import World, first_showcase_free_row


@dataclass(frozen=True, slots=True)
class TranscriptRequest:
    """One row of the transcript_requests feed."""

    request_id: str
    candidate_id: str
    recipient: str
    requested_on: date

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(str(cell) for cell in astuple(self))


TRANSCRIPT_COLUMNS = tuple(field.name for field in fields(TranscriptRequest))


def requests_of(world: World, day: date, fresh: ResultRows, *, rows: int) -> list[TranscriptRequest]:
    """About one request for a hundred rows, of candidates in the same day's results.

    The first asks for a history of many years, the last two name an unknown recipient and an unknown
    candidate.
    """
    count = min(max(4, rows // 100), len(fresh))
    chance = Chance(world.seed, day, "transcripts")
    candidates = pick(fresh["candidate_id"], chance.draw("candidate", count)).tolist()
    recipients = pick([one.code for one in world.directory.dis], chance.draw("recipient", count)).tolist()
    returning = first_showcase_free_row() - 1
    if count >= 4:
        candidates[0] = fresh["candidate_id"][min(returning, len(fresh) - 1)]
        recipients[-2] = UNKNOWN_DIS[0]
        candidates[-1] = f"{world.letters}{day:%y%m%d}9999999"
    prefix = f"T{world.result_prefix(day)}"
    return [
        TranscriptRequest(f"{prefix}{number:05d}", candidate, recipient, day)
        for number, (candidate, recipient) in enumerate(zip(candidates, recipients, strict=True), start=1)
    ]
