"""Who gets a code: every organisation that ordered stands in exactly one list."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distribution.access_codes.eligibility import LiveCode, Organization, order_window, sort_out
from distribution.model import CodeState


def test_the_window_of_2027_28_is_two_yearly_windows_up_to_the_end_of_may():
    assert order_window(2027) == (date(2025, 6, 1), date(2027, 5, 31))


def test_start_and_number_of_the_windows_can_be_set():
    assert order_window(2027, start="03-01", windows=3) == (date(2024, 3, 1), date(2027, 2, 28))


def organization(code="A", **given):
    return Organization(**{"code": code, "name": f"School {code}", "is_active": True,
                           "contact_name": "Kim", "contact_email": "kim@example.org", **given})  # fmt: skip


@pytest.mark.parametrize(
    ("given", "live", "expected"),
    [
        ({}, None, "to_mint"),
        ({"contact_email": ""}, None, "no_contact"),
        ({"is_active": False}, None, "closed"),
        ({"is_active": False}, CodeState.MAILED, "closed"),
        ({}, CodeState.MAILED, "kept"),
        ({}, CodeState.REDEEMED, "kept"),
        ({"contact_email": ""}, CodeState.MAILED, "kept"),
        ({}, CodeState.ISSUED, "to_mail"),
        ({}, CodeState.BOUNCED, "bounced"),
        ({"contact_email": ""}, CodeState.BOUNCED, "bounced"),
        ({"contact_email": "new@example.org"}, CodeState.BOUNCED, "to_mail"),
    ],
)
def test_each_organisation_stands_where_its_contact_and_code_put_it(given, live, expected):
    codes = {"A": LiveCode(1, live, "kim@example.org")} if live else {}
    decided = sort_out([organization(**given)], codes)
    assert [name for name in decided.__dataclass_fields__ if getattr(decided, name)] == [expected]


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["", "a@example.org"]), st.sampled_from([None, *CodeState])),
        max_size=30,
    )
)
def test_no_organisation_is_lost_or_counted_twice(drawn):
    ordering = [
        organization(f"{number}", is_active=is_active, contact_email=email)
        for number, (is_active, email, _) in enumerate(drawn)
    ]
    live = {
        f"{number}": LiveCode(number, state, "a@example.org")
        for number, (_, _, state) in enumerate(drawn)
        if state
    }
    decided = sort_out(ordering, live)
    named = [each for name in decided.__dataclass_fields__ for each in getattr(decided, name)]
    assert sorted(each.code for each in named) == sorted(each.code for each in ordering)
    assert decided.eligible == sum(each.is_active for each in ordering)
