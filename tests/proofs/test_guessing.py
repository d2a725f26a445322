"""Ten thousand wrong codes from fifty addresses: no hit, the limits hold, the honest coordinator gets in.

A sample of a tenth runs with every change; the whole under `make proof`.
"""

import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from distribution.access_codes import code
from distribution.jobs import portal_access
from distribution.jobs.portal_access import NotAccepted, Redeemed
from distribution.jobs.wiring import Line
from tests.support import records
from tests.support.portal import NOON, log_of, mint, sign_in

HONEST = "100000"
ADDRESSES, GUESSERS = 50, 40
PER_PERSON, PER_ADDRESS = 5, 20
SCHOOLS = 20


def guess(line: Line, number: int, *, seed: int) -> str:
    """Guess from many threads at once within an hour; asserts what must hold and tells the figures."""
    chance = random.Random(seed)
    guessers, written = _people(line)
    wrong = _wrong_codes(chance, number, list(written.values()))
    tries = [
        (chance.choice(guessers), text, f"192.0.2.{chance.randrange(ADDRESSES)}", chance.randrange(3500))
        for text in wrong
    ]

    def enter(one):
        (person_id, school), text, address, second = one
        at = NOON + timedelta(seconds=second)
        return portal_access.redeem(line, person_id, school, text, at=at, address=address)

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(answer.reason for answer in pool.map(enter, tries))
    assert sum(answers.values()) == number
    assert set(answers) <= {"not-accepted", "too-many"}, "no hit"
    looked_at = Counter(
        (person, address)
        for kind, outcome, person, address in log_of(line, "kind", "outcome", "person_id", "address")
        if (kind, outcome) == ("code", "wrong")
    )
    by_person, by_address = Counter(), Counter()
    for (person, address), count in looked_at.items():
        by_person[person] += count
        by_address[address] += count
    assert max(by_person.values()) <= PER_PERSON
    # Who was not wrong before is looked at once even where the address is used up.
    assert max(by_address.values()) <= PER_ADDRESS + GUESSERS
    _honest_gets_in(line, written)
    return (
        f"{number} wrong codes from {ADDRESSES} addresses by {GUESSERS} accounts: "
        f"{answers['not-accepted']} looked at, {answers['too-many']} turned away, no hit; "
        f"most of one account {max(by_person.values())}, of one address {max(by_address.values())}; "
        "the honest coordinator got in"
    )


def _people(line: Line) -> tuple[list[tuple[int, str]], dict[str, str]]:
    """Coordinators and alternates of many schools who guess, and the codes that are in force."""
    with line.connect() as conn:
        for place in range(SCHOOLS + 1):
            school = str(int(HONEST) + place)
            records.institution(conn, school)
            for role in ("coordinator", "alternate"):
                records.contact(conn, school, role, email=f"{role}-{school}@example.org")
    schools = [str(int(HONEST) + place) for place in range(1, SCHOOLS + 1)]
    guessers = [
        (sign_in(line, f"{role}-{school}@example.org").person_id, school)
        for school in schools
        for role in ("coordinator", "alternate")
    ]
    assert len(guessers) == GUESSERS
    written = {school: mint(line, school) for school in (HONEST, *schools)}
    return guessers, written


def _wrong_codes(chance: random.Random, number: int, written: list[str]) -> list[str]:
    """Well-formed codes that nobody has, slips of real ones, real ones of others, and rubbish."""
    forms = (
        lambda: code.mint().written(),
        lambda: code.mint().written(),
        lambda: _slipped(chance, chance.choice(written)),
        lambda: chance.choice(["", "0" * 5000, "' OR 1=1 --", "\x00", "ЖЖЖЖ-ЖЖЖЖ-ЖЖЖЖ-ЖЖ"]),
    )
    return [chance.choice(forms)() for _ in range(number)]


def _slipped(chance: random.Random, written: str) -> str:
    places = [place for place, letter in enumerate(written) if letter != "-"]
    place = chance.choice(places)
    others = [letter for letter in code.ALPHABET if letter != written[place]]
    return written[:place] + chance.choice(others) + written[place + 1 :]


def _honest_gets_in(line: Line, written: dict[str, str]) -> None:
    """From an address that is used up, at the end of that very hour; and a guesser, the hour after."""
    at = NOON + timedelta(seconds=3500)
    honest = sign_in(line, f"coordinator-{HONEST}@example.org", on=at)
    answer = portal_access.redeem(line, honest.person_id, HONEST, written[HONEST], at=at, address="192.0.2.1")
    assert answer == Redeemed(HONEST, 2027, needs_agreement=True)
    later = at + timedelta(hours=1, seconds=1)
    school = str(int(HONEST) + 1)
    owner = sign_in(line, f"coordinator-{school}@example.org", on=later)
    answer = portal_access.redeem(
        line, owner.person_id, school, written[school], at=later, address="192.0.2.1"
    )
    assert not isinstance(answer, NotAccepted), "no account is locked for longer than the hour"


def test_a_sample_of_guesses_is_held_and_the_honest_coordinator_gets_in(line):
    guess(line, 1000, seed=5)


def test_the_alarm_is_told_once_in_the_log_and_to_operations(line, caplog):
    guess(line, 400, seed=6)
    assert [record.message for record in caplog.records if "wrong access codes" in record.message] == [
        "100 wrong access codes within an hour. Look at portal.access_event."
    ]
    from distribution.jobs import reconcile_deliveries

    found = reconcile_deliveries.reconcile(line, on=date(2027, 9, 16))
    assert any("wrong access codes within an hour" in need["what"] for need in found["needs_a_person"])


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_ten_thousand_guesses_are_held_and_the_honest_coordinator_gets_in(line, capsys):
    told = guess(line, 10_000, seed=10)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
