"""Whom electronic files can reach tonight, and who waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import psycopg

from distribution.channels.electronic import schedule
from distribution.ledger import endpoints, pauses
from distribution.model import Endpoint


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be reached tonight, and who waits: endpoints by code.

    `is_paused`: all sending is; files are built, and none may leave.
    """

    endpoints: Mapping[str, Endpoint]
    unconfirmed: frozenset[str]
    on: date
    is_paused: bool = False

    def can_be_sent_to(self, di: str) -> bool:
        """True when files that are built may leave."""
        return not self.is_paused and self._is_served(di)

    def _is_served(self, di: str) -> bool:
        endpoint = self.endpoints.get(di)
        return (
            endpoint is not None
            and di not in self.unconfirmed
            and not schedule.is_paused(endpoint, on=self.on)
        )

    def is_due(self, di: str) -> bool:
        """True when files are built for the institution tonight."""
        return self._is_served(di) and schedule.is_its_day(self.endpoints[di], on=self.on)


def reach(conn: psycopg.Connection, *, on: date) -> Reach:
    """Who can be reached on a business date, as the ledger stands now."""
    paused = pauses.in_force(conn) is not None
    return Reach(endpoints.in_force(conn), endpoints.unconfirmed(conn), on, is_paused=paused)
