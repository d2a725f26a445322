"""How often one may try a password: whoever guesses is held, whoever made no error is not."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from distribution.web import limits
from distribution.web.limits import OF_ACCOUNT, OF_ACCOUNT_THERE, OF_ADDRESS, SignInLimits
from tests.web.conftest import KIM, Visitor

SHARED = "198.51.100.1"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_hundred_wrong_passwords_from_a_shared_address_lock_out_nobody_who_made_no_error():
    tries = SignInLimits(Clock())
    for number in range(OF_ADDRESS + 20):
        assert tries.take(account=f"guessed-{number}", address=SHARED) is not None
    assert tries.take(account=KIM, address=SHARED) is not None
    assert tries.take(account=KIM, address=SHARED) is None, "wrong here once: that account waits here"
    assert tries.take(account=KIM, address="203.0.113.7") is not None, "and nowhere else"


def test_after_a_quarter_of_an_hour_the_tries_are_forgotten():
    clock = Clock()
    tries = SignInLimits(clock)
    for _ in range(OF_ACCOUNT_THERE):
        assert tries.take(account=KIM, address=SHARED) is not None
    assert tries.take(account=KIM, address=SHARED) is None
    clock.now = 15 * 60.0
    assert tries.take(account=KIM, address=SHARED) is not None


def test_right_passwords_are_no_guesses():
    tries = SignInLimits(Clock())
    for _ in range(OF_ADDRESS * 2):
        taken = tries.take(account=KIM, address=SHARED)
        assert taken is not None
        tries.give_back(taken, account=KIM, address=SHARED)


def test_a_burst_of_tries_at_once_gets_no_more_than_the_limit():
    tries = SignInLimits()
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: tries.take(account=KIM, address=SHARED), range(200)))
    assert sum(each is not None for each in taken) == OF_ACCOUNT_THERE


def test_ten_thousand_guesses_from_fifty_addresses_are_held():
    chance, tries = random.Random(4), SignInLimits(Clock())
    addresses, accounts = [f"192.0.2.{n}" for n in range(50)], [f"c-{n}@example.org" for n in range(40)]
    looked_at = [
        (account, address)
        for account, address in ((chance.choice(accounts), chance.choice(addresses)) for _ in range(10_000))
        if tries.take(account=account, address=address) is not None
    ]
    by_account = Counter(account for account, _ in looked_at)
    by_address = Counter(address for _, address in looked_at)
    # Beyond a limit there is one look at who was not wrong there before.
    assert max(by_account.values()) <= OF_ACCOUNT + len(addresses)
    assert max(by_address.values()) <= OF_ADDRESS + len(accounts)
    assert tries.take(account="honest@example.org", address=addresses[0]) is not None


def test_no_address_and_account_is_remembered_for_longer_than_it_counts():
    clock = Clock()
    tries = SignInLimits(clock)
    for number in range(1000):
        tries.take(account=f"guessed-{number}", address=f"2001:db8::{number:x}")
    clock.now = limits._WINDOW_SECONDS + 1
    tries.take(account=KIM, address=SHARED)
    assert [len(wrong._moments) for wrong in (tries._there, tries._addresses, tries._accounts)] == [1, 1, 1]


def test_the_coordinator_signs_in_from_a_network_that_others_guess_from(visitor: Visitor):
    for number in range(OF_ADDRESS):
        visitor.client.app.state.limits.take(account=f"guessed-{number}", address="testclient")
    assert visitor.sign_in(KIM).status_code == 200
