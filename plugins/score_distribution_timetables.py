"""When the line is walked: business nights and one day a year, both by the clock on the wall in New York."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from distribution.business_days import is_business_day

NEW_YORK = "America/New_York"


def utc_now() -> datetime:
    return datetime.now(UTC)


class _DaysTimetable(Timetable):
    """One slot on each day that `counts`, at a local hour; missed slots end in one run, that of the newest.

    A run's interval begins where the one before ended, so one run after missed nights covers them all.
    """

    # A DAG without any run yet takes a slot that has just passed; otherwise a DAG file that is parsed
    # again in the second of its first slot would step over it.
    forgives = timedelta(hours=1)

    def __init__(self, *, hour: int, zone: str):
        self.hour, self.zone = hour, zone

    def counts(self, day: date) -> bool:
        raise NotImplementedError

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        slot = self._next_slot(last_automated_data_interval, restriction)
        if slot is None or (restriction.latest is not None and slot > restriction.latest):
            return None
        begin = (
            last_automated_data_interval.end if last_automated_data_interval else self._newest_before(slot)
        )
        return DagRunInfo.interval(pendulum.instance(begin), pendulum.instance(slot))

    def _next_slot(self, last: DataInterval | None, restriction: TimeRestriction) -> datetime | None:
        bounds = [self._first_from(restriction.earliest)] if restriction.earliest else []
        if last is not None:
            bounds.append(self._first_from(last.end + timedelta(seconds=1)))
        if not restriction.catchup:
            now = utc_now()
            bounds.append(
                self._newest_before(now + timedelta(seconds=1))
                if last is not None
                else self._first_from(now - self.forgives)
            )
        return max(bounds, default=None)

    def _first_from(self, moment: datetime) -> datetime:
        """The first slot at or after a moment."""
        return self._walk(moment, timedelta(days=1), lambda slot: slot >= moment)

    def _newest_before(self, moment: datetime) -> datetime:
        """The newest slot before a moment."""
        return self._walk(moment, -timedelta(days=1), lambda slot: slot < moment)

    def _walk(self, moment: datetime, step: timedelta, fits: Callable[[datetime], bool]) -> datetime:
        day = moment.astimezone(ZoneInfo(self.zone)).date()
        while True:
            slot = datetime.combine(day, time(self.hour), ZoneInfo(self.zone)).astimezone(UTC)
            if self.counts(day) and fits(slot):
                return slot
            day += step


class BusinessNightTimetable(_DaysTimetable):
    """Each business day at an hour of the evening or morning: no weekends, no US federal holidays."""

    def __init__(self, *, hour: int = 22, zone: str = NEW_YORK):
        super().__init__(hour=hour, zone=zone)
        self.description = f"Business days at {hour:02d}:00 {zone}, no US federal holidays"

    @property
    def summary(self) -> str:
        return f"business days {self.hour:02d}:00"

    def counts(self, day: date) -> bool:
        return is_business_day(day)

    def serialize(self) -> dict[str, Any]:
        return {"hour": self.hour, "zone": self.zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls(hour=data["hour"], zone=data["zone"])


class YearlyTimetable(_DaysTimetable):
    """Once a year on a day of a month."""

    # A scheduler that was down on the day makes up for it, also in the first year.
    forgives = timedelta(days=14)

    def __init__(self, *, month: int, day: int, hour: int = 9, zone: str = NEW_YORK):
        super().__init__(hour=hour, zone=zone)
        self.month, self.day = month, day
        self.description = f"Every year on {date(2000, month, day):%d %B} at {hour:02d}:00 {zone}"

    @property
    def summary(self) -> str:
        return f"yearly {date(2000, self.month, self.day):%d %b} {self.hour:02d}:00"

    def counts(self, day: date) -> bool:
        return (day.month, day.day) == (self.month, self.day)

    def serialize(self) -> dict[str, Any]:
        return {"month": self.month, "day": self.day, "hour": self.hour, "zone": self.zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls(month=data["month"], day=data["day"], hour=data["hour"], zone=data["zone"])
