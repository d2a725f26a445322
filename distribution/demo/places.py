"""Towns for invented addresses, and the time zone of each state."""

from typing import NamedTuple


class Town(NamedTuple):
    city: str
    state: str
    postal_code: str


TOWNS = (
    Town("Dayton", "OH", "45402"),
    Town("Tulsa", "OK", "74103"),
    Town("Boise", "ID", "83702"),
    Town("Albany", "NY", "12207"),
    Town("Mobile", "AL", "36602"),
    Town("Fresno", "CA", "93721"),
    Town("Duluth", "MN", "55802"),
    Town("Macon", "GA", "31201"),
    Town("Topeka", "KS", "66603"),
    Town("Eugene", "OR", "97401"),
    Town("Provo", "UT", "84601"),
    Town("Laredo", "TX", "78040-5812"),
    Town("Bangor", "ME", "04401"),
    Town("Peoria", "IL", "61602"),
    Town("Flint", "MI", "48502"),
    Town("Tampa", "FL", "33602"),
    Town("Reno", "NV", "89501"),
    Town("Worcester", "MA", "01608"),
    Town("Roanoke", "VA", "24011"),
    Town("Spokane", "WA", "99201"),
    Town("San Juan", "PR", "00901"),
    Town("Honolulu", "HI", "96813"),
    Town("Anchorage", "AK", "99501"),
    Town("Tucson", "AZ", "85701"),
    Town("Lincoln", "NE", "68508"),
    Town("Hoboken", "NJ", "07030-5774"),
)

_ZONES = {
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR VI",
    "Pacific/Guam": "GU MP",
    "Pacific/Pago_Pago": "AS",
    "Pacific/Pohnpei": "FM",
    "Pacific/Majuro": "MH",
    "Pacific/Palau": "PW",
}
_ZONE_OF = {state: zone for zone, states in _ZONES.items() for state in states.split()}


def time_zone_of(state: str) -> str:
    """The time zone of most of a state; New York for the states of the east."""
    return _ZONE_OF.get(state, "America/New_York")
