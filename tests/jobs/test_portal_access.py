"""Who gets into the portal, with what, and for how long."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from distribution.jobs import portal_access, settle_requests
from distribution.jobs.portal_access import (
    NotAccepted,
    Person,
    Redeemed,
    Refusal,
    RefusalReason,
)
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger.connection import Role
from tests.support import records
from tests.support.portal import NOON, let_in, log_of, mint, sign_in

SCHOOL, OTHER, DISTRICT = "100001", "100002", "D00001"
UNLED = "100003"
KIM, ALEX, DANA = "kim@example.org", "alex@example.org", "dana@example.org"


@pytest.fixture
def line(line):
    """Two schools, one with coordinator and alternate and in a district with a coordinator of its own."""
    with line.connect() as conn:
        records.institution(conn, SCHOOL, name="Lincoln High", district_code=DISTRICT)
        records.institution(conn, OTHER)
        records.institution(conn, UNLED)
        records.institution(conn, DISTRICT, name="Lincoln District", kind="district")
        records.contact(conn, SCHOOL, "coordinator", email="Kim@Example.org", name="Kim Lee")
        records.contact(conn, SCHOOL, "alternate", email=ALEX, name="Alex Fox")
        records.contact(conn, DISTRICT, "coordinator", email=DANA, name="Dana Roe")
    return line


@pytest.fixture
def school_code(line):
    return mint(line, SCHOOL)


def staged(line, school, *results):
    with line.connect() as conn:
        for result_id in results:
            records.owe(conn, records.result(conn, result_id), school)
    stage_scores(line, run_id="N20261123-01", on=date(2026, 11, 23))


def seen(line, school):
    with line.connect() as conn:
        rows = conn.execute("SELECT result_id FROM portal.score WHERE school_code = %s", [school]).fetchall()
    return sorted(row[0] for row in rows)


# sign-in ----------------------------------------------------------------------------------------------------


def test_a_verified_address_of_the_coordinator_binds_the_first_time_whatever_its_capitals(line):
    person = sign_in(line, "KIM@example.ORG", name="Kim Lee")
    assert isinstance(person, Person)
    assert [
        (each.code, each.role, each.needs_code, each.needs_agreement) for each in person.organizations
    ] == [(SCHOOL, "coordinator", True, True)]


def test_later_the_person_is_known_by_issuer_and_subject_whatever_the_address_says(line):
    first = sign_in(line, KIM, subject="k")
    later = sign_in(line, "kim.new@example.org", subject="k", verified=False)
    assert isinstance(later, Person)
    assert later.person_id == first.person_id
    assert later.email == KIM, "who saw a record is never called by an address that nobody verified"
    assert sign_in(line, "kim.new@example.org", subject="k").email == "kim.new@example.org"


def test_a_district_opens_its_schools_read_only(line):
    person = sign_in(line, DANA)
    assert [(each.code, each.role, each.is_read_only, each.through) for each in person.organizations] == [
        (DISTRICT, "coordinator", False, ""),
        (SCHOOL, "district", True, DISTRICT),
    ]
    person = let_in(line, DANA, DISTRICT, mint(line, DISTRICT))
    assert [each.is_open for each in person.organizations] == [True, True]


def test_when_the_contact_ends_so_does_the_binding_at_once(line, school_code):
    person = let_in(line, KIM, SCHOOL, school_code)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-09-14' WHERE role = 'coordinator'")
    assert portal_access.person_of(line, person.person_id, on=NOON) is None
    assert sign_in(line, KIM) == Refusal(RefusalReason.FORMER_CONTACT)


def test_of_several_coordinators_at_once_only_the_latest_gets_in(line):
    with line.connect() as conn:
        records.contact(conn, SCHOOL, "coordinator", email="new@example.org", valid_from=date(2027, 1, 1))
    assert sign_in(line, KIM) == Refusal(RefusalReason.FORMER_CONTACT)
    assert isinstance(sign_in(line, "new@example.org"), Person)


# the code of the year ---------------------------------------------------------------------------------------


def test_code_then_agreement_then_not_again_that_year(line, school_code):
    person = sign_in(line, KIM)
    assert portal_access.agree(line, person.person_id, SCHOOL, at=NOON) == Refusal(RefusalReason.CODE_FIRST)
    taken = portal_access.redeem(line, person.person_id, SCHOOL, f" {school_code.lower()} ", at=NOON)
    assert taken == Redeemed(SCHOOL, 2027, needs_agreement=True)
    assert portal_access.agree(line, person.person_id, SCHOOL, at=NOON) is None
    for later in (NOON, datetime(2028, 6, 30, 12, 0, tzinfo=UTC)):
        (organization,) = sign_in(line, KIM, on=later).organizations
        assert organization.is_open
    with line.connect() as conn:
        assert conn.execute("SELECT state FROM ledger.access_code").fetchall() == [("redeemed",)]


def test_each_person_enters_the_code_himself(line, school_code):
    let_in(line, KIM, SCHOOL, school_code)
    assert sign_in(line, ALEX).organizations[0].needs_code


@pytest.mark.parametrize("sort", ["unknown", "mistyped", "foreign", "expired", "revoked", "next year's"])
def test_whatever_is_not_right_gets_the_same_answer_and_the_reason_is_in_the_log_alone(
    line, school_code, sort
):
    typed = {
        "unknown": lambda: "0000-0000-0000-00",
        "mistyped": lambda: school_code[:-1] + ("0" if school_code[-1] != "0" else "1"),
        "foreign": lambda: mint(line, OTHER),
        "expired": lambda: mint(line, SCHOOL, year=2026),
        "revoked": lambda: _revoked(line, school_code),
        "next year's": lambda: mint(line, SCHOOL, year=2028),
    }[sort]()
    person = sign_in(line, KIM)
    answer = portal_access.redeem(line, person.person_id, SCHOOL, typed, at=NOON)
    assert answer == NotAccepted("not-accepted", retry_at=None)
    assert log_of(line, "kind", "outcome")[-1] == ("code", "wrong")
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM portal.redemption").fetchone() == (0,)


def _revoked(line, written):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.access_code SET state = 'revoked'")
    return written


def test_a_redemption_stays_recorded_when_the_code_is_revoked(line, school_code):
    person = let_in(line, KIM, SCHOOL, school_code)
    _revoked(line, school_code)
    assert portal_access.person_of(line, person.person_id, on=NOON).organizations[0].is_open


# the turn of the year ---------------------------------------------------------------------------------------

NEW_YORK = ZoneInfo("America/New_York")
ZONES = ["America/New_York", "Pacific/Honolulu", "Pacific/Guam", "America/Los_Angeles", "Asia/Tokyo"]


@pytest.mark.parametrize("zone", ZONES)
def test_yesterdays_access_needs_the_new_years_code_from_midnight_in_the_schools_zone(
    line, school_code, zone
):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.institution_version SET time_zone = %s", [zone])
    person = let_in(line, KIM, SCHOOL, school_code)
    last = datetime(2028, 6, 30, 23, 59, 59, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    first = datetime(2028, 7, 1, 0, 0, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert portal_access.person_of(line, person.person_id, on=last).organizations[0].is_open
    turned = portal_access.person_of(line, person.person_id, on=first).organizations[0]
    assert (turned.needs_code, turned.needs_agreement) == (True, True)
    old = portal_access.redeem(line, person.person_id, SCHOOL, school_code, at=first)
    assert isinstance(old, NotAccepted)
    new = portal_access.redeem(line, person.person_id, SCHOOL, mint(line, SCHOOL, year=2028), at=first)
    assert new == Redeemed(SCHOOL, 2028, needs_agreement=True)


def test_at_one_moment_it_is_another_academic_year_in_another_zone(line):
    with line.connect() as conn:
        conn.execute(
            "UPDATE ledger.institution_version SET time_zone = 'Pacific/Guam' WHERE code = %s", [SCHOOL]
        )
        records.contact(conn, OTHER, "coordinator", email=KIM)
    moment = datetime(2027, 6, 30, 15, 0, tzinfo=UTC)  # 1 July 01:00 in Guam, 30 June 11:00 in New York
    person = sign_in(line, KIM, on=moment)
    for school, year in ((SCHOOL, 2027), (OTHER, 2026)):
        assert portal_access.redeem(
            line, person.person_id, school, mint(line, school, year=year), at=moment
        ) == Redeemed(school, year, needs_agreement=True)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(2028, 2, 29, 23, 59, tzinfo=NEW_YORK), id="leap day"),
        pytest.param(datetime(2028, 3, 12, 1, 59, 59, tzinfo=NEW_YORK), id="before spring"),
        pytest.param(datetime(2028, 3, 12, 3, 0, tzinfo=NEW_YORK), id="after spring"),
        pytest.param(datetime(2027, 11, 7, 1, 30, fold=0, tzinfo=NEW_YORK), id="first 1:30"),
        pytest.param(datetime(2027, 11, 7, 1, 30, fold=1, tzinfo=NEW_YORK), id="second 1:30"),
    ],
)
def test_a_leap_day_and_clocks_that_change_ask_for_nothing(line, school_code, moment):
    person = let_in(line, KIM, SCHOOL, school_code)
    assert portal_access.person_of(line, person.person_id, on=moment.astimezone(UTC)).organizations[0].is_open


def test_a_score_of_july_stands_in_the_year_of_its_test_date(line):
    with line.connect() as conn:
        essay = records.result(
            conn, "R-ESSAY", test_date=date(2027, 6, 25), scored_on=date(2027, 7, 8), exam_code="FINACC"
        )
        records.owe(conn, essay, SCHOOL)
    stage_scores(line, run_id="N20270708-01", on=date(2027, 7, 8))
    with line.connect() as conn:
        assert conn.execute("SELECT academic_year, result_id FROM portal.score").fetchall() == [
            (2026, "R-ESSAY")
        ]


# what coordinators settle -----------------------------------------------------------------------------------


def test_the_coordinator_names_the_alternate_who_gets_a_mail_and_then_gets_in(line, school_code):
    kim = let_in(line, KIM, SCHOOL, school_code)
    assert (
        portal_access.name_alternate(
            line, kim.person_id, SCHOOL, name="Sam Poe", email="Sam@example.org", at=NOON
        )
        is None
    )
    person = sign_in(line, "sam@example.org")
    assert [(each.code, each.role) for each in person.organizations] == [(SCHOOL, "alternate")]
    assert [mail["to_address"] for mail in mails(line, "alternate-named")] == ["sam@example.org"]
    portal_access.name_alternate(line, kim.person_id, SCHOOL, name="Pat", email="pat@example.org", at=NOON)
    assert portal_access.person_of(line, person.person_id, on=NOON) is None, "another one took the place"


def test_people_and_access_shows_who_signed_in_and_entered_the_code(line, school_code):
    let_in(line, KIM, SCHOOL, school_code)
    shown = portal_access.people_of(line, SCHOOL, at=NOON)
    assert [(each.role, each.email, each.last_signed_in_at, each.redeemed_at) for each in shown] == [
        ("coordinator", KIM, NOON, NOON),
        ("alternate", ALEX, None, None),
    ]


def test_a_score_of_no_student_of_ours_leaves_this_schools_view_and_the_log_of_disclosures_says_so(
    line, school_code
):
    staged(line, SCHOOL, "R-1", "R-2")
    staged(line, OTHER, "R-3")
    kim = let_in(line, KIM, SCHOOL, school_code)
    assert portal_access.mark_not_our_student(line, kim.person_id, SCHOOL, "R-1", at=NOON) is None
    assert seen(line, SCHOOL) == ["R-2"]
    assert seen(line, OTHER) == ["R-3"]
    with line.connect() as conn:
        noted = conn.execute(
            "SELECT result_id, recipient, actor FROM ledger.disclosure WHERE basis = 'not-our-student'"
        ).fetchall()
    assert noted == [("R-1", SCHOOL, f"person:{kim.person_id}")]
    foreign = portal_access.mark_not_our_student(line, kim.person_id, SCHOOL, "R-3", at=NOON)
    assert foreign == Refusal(RefusalReason.NO_SUCH_RESULT)


def test_notices_are_weekly_until_a_person_chooses_otherwise(line):
    kim = sign_in(line, KIM)
    assert portal_access.notices_of(line, kim.person_id) == {}
    assert portal_access.set_notice(line, kim.person_id, SCHOOL, "daily", at=NOON) is None
    assert portal_access.notices_of(line, kim.person_id) == {SCHOOL: "daily"}
    with pytest.raises(ValueError, match="hourly"):
        portal_access.set_notice(line, kim.person_id, SCHOOL, "hourly", at=NOON)


def test_where_the_code_went_is_shown_masked(line):
    with line.connect() as conn:
        records.contact(conn, SCHOOL, email="office@lincoln.example.org")
        records.order(conn, SCHOOL, date(2027, 1, 1))
    from distribution.jobs.issue_access_codes import issue

    issue(line, year=2027, on=date(2027, 6, 15), approved_by="Kim")
    (mailing,) = portal_access.code_mailings(line, SCHOOL, at=NOON)
    assert (mailing.to, mailing.state) == ("o…@lincoln.example.org", "outbox")


def mails(line, kind):
    with line.connect() as conn, conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            "SELECT to_address FROM ledger.mail WHERE kind = %s ORDER BY mail_id",
            [kind],
        ).fetchall()


# attacks ----------------------------------------------------------------------------------------------------


def _unverified(line):
    return sign_in(line, KIM, verified=False)


def _reused_address(line):
    sign_in(line, KIM, subject="the first")
    return sign_in(line, KIM, subject="a second person")


def _reused_after_the_contact_left(line):
    sign_in(line, KIM, subject="the first")
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-09-15' WHERE role = 'coordinator'")
        records.contact(
            conn, SCHOOL, "coordinator", email=KIM, name="A successor", valid_from=date(2027, 9, 20)
        )
    return sign_in(line, KIM, subject="a second person", on=datetime(2027, 9, 21, tzinfo=UTC))


def _self_named_coordinator(line):
    portal_access.request_code(
        line, person_id=None, name="Eve", email="eve@example.net", role="coordinator", school_code=OTHER,
        message="I am the coordinator.", at=NOON,
    )  # fmt: skip
    return sign_in(line, "eve@example.net")


def _former_coordinator(line):
    sign_in(line, KIM)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-09-14' WHERE role = 'coordinator'")
    return sign_in(line, KIM)


def _alternate_named_by_an_alternate(line):
    alex = let_in(line, ALEX, SCHOOL, mint(line, SCHOOL))
    portal_access.name_alternate(line, alex.person_id, SCHOOL, name="Eve", email="eve@example.net", at=NOON)
    return sign_in(line, "eve@example.net")


def _alternate_of_a_coordinator_who_left(line):
    kim = let_in(line, KIM, SCHOOL, mint(line, SCHOOL))
    portal_access.name_alternate(line, kim.person_id, SCHOOL, name="Eve", email="eve@example.net", at=NOON)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-09-14' WHERE role = 'coordinator'")
    return sign_in(line, "eve@example.net")


def _removed_alternate(line):
    kim = let_in(line, KIM, SCHOOL, mint(line, SCHOOL))
    portal_access.name_alternate(line, kim.person_id, SCHOOL, name="Eve", email="eve@example.net", at=NOON)
    sign_in(line, "eve@example.net")
    (eve,) = (each for each in portal_access.people_of(line, SCHOOL, at=NOON) if each.named_contact_id)
    portal_access.remove_alternate(line, kim.person_id, SCHOOL, eve.named_contact_id, at=NOON)
    return sign_in(line, "eve@example.net")


def _confirmed_before_the_feeds_coordinator(line):
    asked = portal_access.request_code(
        line, person_id=None, name="Eve", email="eve@example.net", role="", school_code=UNLED, message="",
        at=NOON,
    )  # fmt: skip
    settle_requests.confirm(line, asked.reference, reason="called", by="Pat", at=NOON)
    sign_in(line, "eve@example.net")
    with line.connect() as conn:
        records.contact(conn, UNLED, "coordinator", email="new@example.org", valid_from=date(2027, 7, 1))
    return sign_in(line, "eve@example.net")


def _district_enters_a_schools_code(line):
    dana = let_in(line, DANA, DISTRICT, mint(line, DISTRICT))
    return portal_access.redeem(line, dana.person_id, SCHOOL, mint(line, SCHOOL), at=NOON)


def _district_acts_as_a_school(line):
    dana = let_in(line, DANA, DISTRICT, mint(line, DISTRICT))
    staged(line, SCHOOL, "R-1")
    answers = {
        portal_access.mark_not_our_student(line, dana.person_id, SCHOOL, "R-1", at=NOON),
        portal_access.name_alternate(line, dana.person_id, SCHOOL, name="E", email="e@example.net", at=NOON),
        portal_access.agree(line, dana.person_id, SCHOOL, at=NOON),
        portal_access.set_notice(line, dana.person_id, SCHOOL, "daily", at=NOON),
    }
    assert seen(line, SCHOOL) == ["R-1"]
    (answer,) = answers
    return answer


def _foreign_coordinator(line):
    kim = let_in(line, KIM, SCHOOL, mint(line, SCHOOL))
    return portal_access.redeem(line, kim.person_id, OTHER, mint(line, OTHER), at=NOON)


ATTACKS = [
    (_unverified, Refusal(RefusalReason.UNVERIFIED_EMAIL), ("sign-in", "refused", "unverified-email")),
    (_reused_address, Refusal(RefusalReason.ADDRESS_IN_USE), ("sign-in", "refused", "address-in-use")),
    (
        _reused_after_the_contact_left,
        Refusal(RefusalReason.ADDRESS_IN_USE),
        ("sign-in", "refused", "address-in-use"),
    ),
    (_self_named_coordinator, Refusal(RefusalReason.NOT_A_CONTACT), ("sign-in", "refused", "not-a-contact")),
    (_former_coordinator, Refusal(RefusalReason.FORMER_CONTACT), ("sign-in", "refused", "former-contact")),
    (
        _alternate_named_by_an_alternate,
        Refusal(RefusalReason.NOT_A_CONTACT),
        ("sign-in", "refused", "not-a-contact"),
    ),
    *(
        (attack, Refusal(RefusalReason.FORMER_CONTACT), ("sign-in", "refused", "former-contact"))
        for attack in (
            _alternate_of_a_coordinator_who_left,
            _removed_alternate,
            _confirmed_before_the_feeds_coordinator,
        )
    ),
    (
        _district_enters_a_schools_code,
        NotAccepted("not-accepted"),
        ("code", "wrong", "not-your-organization"),
    ),
    (_district_acts_as_a_school, Refusal(RefusalReason.READ_ONLY), ("notice", "refused", "read-only")),
    (_foreign_coordinator, NotAccepted("not-accepted"), ("code", "wrong", "not-your-organization")),
]


@pytest.mark.parametrize(("attack", "answer", "logged"), ATTACKS, ids=[each[0].__name__ for each in ATTACKS])
def test_an_attack_is_refused_and_the_refusal_is_logged(line, attack, answer, logged):
    before = _standing_at(line, OTHER)
    assert attack(line) == answer
    assert log_of(line, "kind", "outcome", "reason")[-1] == logged
    assert _standing_at(line, OTHER) == before == []


def _standing_at(line, school):
    with line.connect() as conn:
        return conn.execute(
            "SELECT person_id FROM portal.binding WHERE organization_code = %s", [school]
        ).fetchall()


def test_an_alternate_who_names_an_alternate_is_refused_and_nobody_is_named(line):
    _alternate_named_by_an_alternate(line)
    assert ("alternate", "refused", "coordinator-only") in log_of(line, "kind", "outcome", "reason")
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM portal.named_contact").fetchone() == (0,)


@pytest.mark.parametrize("role", [Role.APP, Role.PORTAL])
@pytest.mark.parametrize(
    "statement", ["UPDATE portal.access_event SET reason = ''", "DELETE FROM portal.access_event"]
)
def test_nobody_changes_the_log(line, role, statement):
    sign_in(line, KIM)
    with line.connect(role=role) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT cipher FROM ledger.access_code",
        "UPDATE ledger.access_code SET organization_code = '100002'",
        "INSERT INTO ledger.mail (message_id, kind, to_address, subject, body) VALUES ('', '', '', '', '')",
        "SELECT body FROM ledger.mail",
        "UPDATE ledger.contact SET email = ''",
        "UPDATE portal.binding SET email = ''",
        "UPDATE portal.code_request SET state = 'confirmed'",
        "DELETE FROM portal.redemption",
    ],
)
def test_the_portals_role_makes_no_codes_mails_or_contacts(line, statement):
    with line.connect(role=Role.PORTAL) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_the_portals_role_cannot_bring_a_revoked_code_back(line, school_code):
    _revoked(line, school_code)
    with line.connect(role=Role.PORTAL) as conn:
        assert conn.execute("UPDATE ledger.access_code SET state = 'redeemed'").rowcount == 0
    with line.connect() as conn:
        conn.execute("UPDATE ledger.access_code SET state = 'mailed'")
    with line.connect(role=Role.PORTAL) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE ledger.access_code SET state = 'bounced'")
