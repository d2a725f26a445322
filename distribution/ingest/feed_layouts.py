"""The columns of the five feeds and the form of each cell, as data."""

from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

import pycountry

from distribution.exams import programme
from distribution.model import ContactRole, FeedKind, Funding, InstitutionKind, ResultStatus

EXTRA_PREFIX = "x_"
OTHER_COLUMNS_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a cell fits when it is empty and may be, matches `form`, is in `words` or a real date.

    `longest` counts characters after NFC; `form` is a pattern (RE2) for the whole cell.
    """

    name: str
    form: str | None = None
    words: frozenset[str] | None = None
    date: bool = False
    may_be_empty: bool = False
    longest: int | None = None
    person: bool = False  # a name of a person: combining marks only, U+FFFD are no name
    one_blank: bool = False  # runs of blanks inside become one
    optional: bool = False  # the feed may lack the column


def columns_of(kind: FeedKind) -> tuple[Column, ...]:
    """The columns that the contract names, in its order."""
    return _layouts()[kind]


def names_of(kind: FeedKind) -> tuple[str, ...]:
    return tuple(column.name for column in columns_of(kind))


KEY = {
    FeedKind.INSTITUTIONS: "code",
    FeedKind.CONTACTS: "organization_code",
    FeedKind.VOUCHER_ORDERS: "order_id",
    FeedKind.RESULTS: "result_id",
    FeedKind.TRANSCRIPT_REQUESTS: "request_id",
}

_ID = "[A-Za-z0-9-]+"
_NUMBER = "0|[1-9][0-9]*"


@cache
def _layouts() -> dict[FeedKind, tuple[Column, ...]]:
    return {
        FeedKind.RESULTS: _results(),
        FeedKind.INSTITUTIONS: _institutions(),
        FeedKind.CONTACTS: _contacts(),
        FeedKind.VOUCHER_ORDERS: _voucher_orders(),
        FeedKind.TRANSCRIPT_REQUESTS: _transcript_requests(),
    }


def _results() -> tuple[Column, ...]:
    return (
        Column("result_id", _ID, longest=32),
        Column("revision", "[1-9][0-9]{0,5}"),
        Column("status", words=frozenset(ResultStatus)),
        Column("candidate_id", _ID, longest=20),
        *(
            Column(name, longest=60, person=True, one_blank=True, may_be_empty=name != "last_name")
            for name in ("last_name", "first_name", "middle_name")
        ),
        Column("birth_date", date=True),
        Column("gender", words=frozenset("FMX"), may_be_empty=True),
        Column("exam_code"),
        Column("test_date", date=True),
        Column("scored_on", date=True, may_be_empty=True),
        Column("scaled_score", _NUMBER, may_be_empty=True),
        Column("funding", words=frozenset(Funding)),
        Column("voucher_order_id", may_be_empty=True),
        Column("attending_code", ".{6}", may_be_empty=True),
        Column("recipient_1", ".{4}|.{6}", may_be_empty=True),
        Column("recipient_2", ".{4}|.{6}", may_be_empty=True),
        Column("test_center_code", may_be_empty=True, longest=10),
        *(
            Column(name, may_be_empty=True, longest=OTHER_COLUMNS_LONGEST, optional=True)
            for name in ("email", "postal_code", "college_student_id", "local_student_id", "grade")
        ),
    )


def _institutions() -> tuple[Column, ...]:
    free = ("attention", "address_1", "address_2", "city", "state", "postal_code")
    return (
        Column("code", "[A-Za-z0-9]{4}|[A-Za-z0-9]{6}"),
        Column("name", ".+", one_blank=True),
        Column("kind", words=frozenset(InstitutionKind)),
        Column("district_code", "[A-Za-z0-9]{6}", may_be_empty=True),
        Column("delivery_method", words=frozenset({"paper", "electronic", "portal"}), may_be_empty=True),
        *(Column(name, may_be_empty=True) for name in free),
        Column(
            "country", words=frozenset(country.alpha_2 for country in pycountry.countries), may_be_empty=True
        ),
        Column("status", words=frozenset({"active", "closed"})),
        Column("successor_code", "[A-Za-z0-9]{4}|[A-Za-z0-9]{6}", may_be_empty=True),
        Column("time_zone", words=frozenset(available_timezones()), may_be_empty=True),
        Column("valid_from", date=True),
    )


def _contacts() -> tuple[Column, ...]:
    return (
        Column("organization_code", ".+"),
        Column("role", words=frozenset(ContactRole)),
        Column("name", ".+", one_blank=True),
        Column("email", ".+"),
        Column("valid_from", date=True),
        Column("valid_to", date=True, may_be_empty=True),
    )


def _voucher_orders() -> tuple[Column, ...]:
    return (
        Column("order_id", ".+"),
        Column("organization_code", ".+"),
        Column("ordered_on", date=True),
        Column("quantity", "[1-9][0-9]{0,3}|10000"),
        Column("status", words=frozenset({"generating", "fulfilled", "cancelled"})),
    )


def _transcript_requests() -> tuple[Column, ...]:
    return (
        Column("request_id", ".+"),
        Column("candidate_id", _ID, longest=20),
        Column("recipient", ".{4}"),
        Column("requested_on", date=True),
    )


@cache
def scores() -> frozenset[str]:
    """Every scaled score that the programme gives, as its cell is written."""
    rules = programme()
    return frozenset(str(score) for score in range(rules.lowest_score, rules.highest_score + 1))
