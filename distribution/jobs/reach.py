"""Whom electronic files can reach tonight, and who waits for what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import psycopg

from distribution.channels.electronic import schedule
from distribution.ledger import endpoints, pauses
from distribution.ledger.files import ScoreFile
from distribution.model import Endpoint


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be reached tonight, and who waits: endpoints by code.

    `on_paper`: institutions that get paper for a time. `is_paused`: all sending is; files are built, and none
    may leave.
    """

    endpoints: Mapping[str, Endpoint]
    unconfirmed: frozenset[str]
    on: date
    on_paper: frozenset[str] = frozenset()
    is_paused: bool = False

    def can_be_sent_to(self, di: str) -> bool:
        """True when new files may leave."""
        return not self._why_not(di) and di not in self.on_paper

    def may_leave(self, file: ScoreFile) -> bool:
        """True when a file that is built may leave."""
        return not self.why_waiting(file)

    def why_waiting(self, file: ScoreFile) -> str:
        """What a file that is built waits for, and the command that ends it; empty = it may leave.

        While an institution gets paper, only a file that was begun before goes on: it may stand there
        already. All others would overtake the numbers that were given up, which come first as VOID.
        """
        why = self._why_not(file.di)
        if not why and file.di in self.on_paper and not file.may_have_left:
            return f"{file.di} gets paper for a time, until `institution resume {file.di}`"
        return why

    def _why_not(self, di: str) -> str:
        endpoint = self.endpoints.get(di)
        if self.is_paused:
            return "all sending is paused, until `sending resume`"
        if endpoint is None:
            return f"no endpoint of {di} is in force: `institution load-endpoints FILE`"
        if di in self.unconfirmed:
            return f"a change of its endpoint is not confirmed: `institution confirm {di}`"
        if schedule.is_paused(endpoint, on=self.on):
            return f"{di} is paused, until {_ending(endpoint)}`institution resume {di}`"
        return ""

    def is_due(self, di: str) -> bool:
        """True when files are built for the institution tonight."""
        endpoint = self.endpoints.get(di)
        return (
            endpoint is not None
            and di not in self.unconfirmed
            and di not in self.on_paper
            and not schedule.is_paused(endpoint, on=self.on)
            and schedule.is_its_day(endpoint, on=self.on)
        )


def _ending(endpoint: Endpoint) -> str:
    return "" if endpoint.paused_until in (None, schedule.FOR_EVER) else f"{endpoint.paused_until} or "


def reach(conn: psycopg.Connection, *, on: date) -> Reach:
    """Who can be reached on a business date, as the ledger stands now."""
    return Reach(
        endpoints.in_force(conn),
        endpoints.unconfirmed(conn),
        on,
        on_paper=frozenset(pauses.on_paper(conn)),
        is_paused=pauses.in_force(conn) is not None,
    )
