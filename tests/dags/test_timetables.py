"""When nights begin: exact times over weekends, holidays, the change of the clocks, and missed nights."""

from datetime import UTC, datetime

import pendulum
import pytest
import score_distribution_timetables


def utc(text):
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.fixture
def at(monkeypatch):
    """Sets the clock that the timetables ask."""

    def set_clock(text):
        monkeypatch.setattr(score_distribution_timetables, "utc_now", lambda: utc(text))

    return set_clock


def info(timetable, *, last=None, earliest=None, latest=None, catchup=False):
    from airflow.timetables.base import DataInterval, TimeRestriction

    found = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval(*map(utc, last)) if last else None,
        restriction=TimeRestriction(
            earliest=earliest and utc(earliest), latest=latest and utc(latest), catchup=catchup
        ),
    )
    if found is None:
        return None
    start, end = found.data_interval
    assert found.run_after == end
    return tuple(moment.strftime("%Y-%m-%d %H:%M") for moment in (start, end))


@pytest.fixture
def night():
    return score_distribution_timetables.BusinessNightTimetable()


@pytest.fixture
def yearly():
    return score_distribution_timetables.YearlyTimetable(month=6, day=15)


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        # Monday's night, then Tuesday's: 22:00 in New York is 03:00 UTC in winter.
        (
            "2026-11-24 12:00",
            ("2026-11-21 03:00", "2026-11-24 03:00"),
            ("2026-11-24 03:00", "2026-11-25 03:00"),
        ),
        # Wednesday's, then none on Thanksgiving (26 November 2026): Friday's.
        (
            "2026-11-26 12:00",
            ("2026-11-25 03:00", "2026-11-26 03:00"),
            ("2026-11-26 03:00", "2026-11-28 03:00"),
        ),
        # Friday's, then none on the weekend: Monday's.
        (
            "2026-11-28 12:00",
            ("2026-11-26 03:00", "2026-11-28 03:00"),
            ("2026-11-28 03:00", "2026-12-01 03:00"),
        ),
        # Independence Day 2026 is a Saturday and observed on Friday, 3 July; 22:00 is 02:00 UTC in summer.
        (
            "2026-07-03 12:00",
            ("2026-07-02 02:00", "2026-07-03 02:00"),
            ("2026-07-03 02:00", "2026-07-07 02:00"),
        ),
        # The clocks go back on 1 November 2026: the night stays at 22:00 on the wall.
        (
            "2026-10-31 12:00",
            ("2026-10-30 02:00", "2026-10-31 02:00"),
            ("2026-10-31 02:00", "2026-11-03 03:00"),
        ),
        # And forward on 14 March 2027.
        (
            "2027-03-13 12:00",
            ("2027-03-12 03:00", "2027-03-13 03:00"),
            ("2027-03-13 03:00", "2027-03-16 02:00"),
        ),
    ],
)
def test_a_night_follows_the_last_one_on_the_next_business_day(night, at, now, last, expected):
    at(now)
    assert info(night, last=last) == expected


def test_after_missed_nights_one_run_covers_them_all_and_the_next_is_as_ever(night, at):
    # Down from Friday 20 to Wednesday 25 November, noon: Monday's and Tuesday's nights were missed.
    at("2026-11-25 17:00")
    caught_up = info(night, last=("2026-11-20 03:00", "2026-11-21 03:00"))
    assert caught_up == ("2026-11-21 03:00", "2026-11-25 03:00")
    assert info(night, last=caught_up) == ("2026-11-25 03:00", "2026-11-26 03:00")


def test_a_backfill_gets_each_night_by_itself(night, at):
    at("2026-11-25 17:00")
    first = info(night, earliest="2026-11-19 12:00", catchup=True)
    assert first == ("2026-11-19 03:00", "2026-11-20 03:00")
    second = info(night, last=first, earliest="2026-11-19 12:00", catchup=True)
    assert second == ("2026-11-20 03:00", "2026-11-21 03:00")
    assert info(night, last=second, latest="2026-11-23 00:00", catchup=True) is None


def test_the_first_night_is_the_coming_one_not_one_that_was_never_asked_for(night, at):
    at("2026-11-24 12:00")
    assert info(night) == ("2026-11-24 03:00", "2026-11-25 03:00")


def test_a_dag_that_is_read_again_just_after_its_first_slot_does_not_step_over_it(night, at):
    at("2026-11-25 03:00:05")
    assert info(night) == ("2026-11-24 03:00", "2026-11-25 03:00")


def test_a_run_by_hand_is_about_its_own_moment(night):
    moment = utc("2026-11-25 17:00")
    assert night.infer_manual_data_interval(run_after=moment) == (moment, moment)


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2027-01-10 12:00", None, ("2026-06-15 13:00", "2027-06-15 13:00")),
        # Down on the day: made up for before the academic year turns.
        ("2027-06-20 12:00", None, ("2026-06-15 13:00", "2027-06-15 13:00")),
        ("2027-07-20 12:00", None, ("2027-06-15 13:00", "2028-06-15 13:00")),
        (
            "2027-06-16 12:00",
            ("2026-06-15 13:00", "2027-06-15 13:00"),
            ("2027-06-15 13:00", "2028-06-15 13:00"),
        ),
    ],
)
def test_the_yearly_run_comes_once_a_year_before_the_first_of_july(yearly, at, now, last, expected):
    at(now)
    assert info(yearly, last=last) == expected


def test_timetables_survive_being_stored_by_the_scheduler(night, yearly):
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable

    for timetable in (night, yearly, type(night)(hour=7)):
        stored = decode_timetable(encode_timetable(timetable))
        assert stored.serialize() == timetable.serialize()
        assert stored.summary == timetable.summary


@pytest.mark.parametrize(
    ("chosen", "at", "expected"),
    [
        (None, "2026-11-24 03:00", "2026-11-23"),
        ("", "2026-11-24 04:59", "2026-11-23"),
        (None, "2026-11-24 05:00", "2026-11-24"),
        ("2026-11-20", "2026-11-24 05:00", "2026-11-20"),
    ],
)
def test_the_business_date_is_the_chosen_one_or_the_day_in_new_york(chosen, at, expected):
    from zoneinfo import ZoneInfo

    from distribution.business_days import business_date

    found = business_date(chosen, at=utc(at), zone=ZoneInfo("America/New_York"))
    assert found.isoformat() == expected
