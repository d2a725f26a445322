"""The yearly mailing over many organisations: one code each, at least one mail each, whatever breaks or dies.

Whole (20,000 organisations, every kill point) under `make proof`; a small sample in `make test`.
"""

import logging
import random
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from distribution.access_codes import code, vault
from distribution.jobs.issue_access_codes import issue
from distribution.jobs.wiring import Line
from tests.faults.killed_mailing import DAY, YEAR, line_to
from tests.support import mail_servers
from tests.support.dead_runs import wait_until_seen_to_be_dead
from tests.support.portal import code_in

KINDS = ("high_school", "district", "college", "military", "business", "other")
FIRST, LAST = date(2025, 6, 1), date(2027, 5, 31)
# Before and after every step that leaves a mark; the numbers are shares of all mails.
STEPS = [
    ("distribution.ledger.codes", "record", "before", 0),
    ("distribution.ledger.codes", "record", "after", 0),
    ("distribution.ledger.mails", "plan", "after", 0),
    ("distribution.ledger.mails", "claim", "before", 0.02),
    ("distribution.ledger.mails", "claim", "after", 0.05),
    ("distribution.channels.email.smtp", "send", "before", 0.05),
    ("distribution.channels.email.smtp", "send", "after", 0.08),
    ("distribution.ledger.mails", "mark_sent", "after", 0.05),
    ("distribution.ledger.codes", "mark_mailed", "before", 0.05),
    ("distribution.ledger.codes", "mark_mailed", "after", 0.05),
]


@dataclass(frozen=True)
class Organizations:
    """What was invented, and who is eligible, found without the product's query."""

    addresses: dict[str, str]
    no_contact: set[str]


def invented(line: Line, number: int, *, seed: int) -> Organizations:
    """Organisations of every sort: closed ones, too early, too late, cancelled, without a contact, twice."""
    chance = random.Random(seed)
    addresses, no_contact = {}, set()
    institutions, contacts, orders = [], [], []
    for place in range(number):
        organization = f"{100_000 + place}"
        is_active = chance.random() > 0.03
        ordered = [
            (
                date(2025, 1, 1) + timedelta(days=chance.randrange(1000)),
                chance.choice(["fulfilled", "fulfilled", "generating", "cancelled"]),
            )
            for _ in range(chance.choice([0, 1, 1, 2]))
        ]
        if place % 50 == 0:  # the very edges of the two windows
            ordered = [(FIRST, "fulfilled")] if place % 100 else [(LAST, "fulfilled")]
        if place % 50 == 1:
            ordered = [
                (FIRST - timedelta(days=1), "fulfilled"), (LAST + timedelta(days=1), "fulfilled")
            ]  # fmt: skip
        has_contact = chance.random() > 0.02
        institutions.append((organization, f"School {organization}", chance.choice(KINDS), is_active))
        contacts.append((organization, f"c{organization}@example.org", has_contact))
        orders += [(f"V-{place}-{n}", organization, on, status) for n, (on, status) in enumerate(ordered)]
        if is_active and any(FIRST <= on <= LAST and status != "cancelled" for on, status in ordered):
            if has_contact:
                addresses[organization] = f"c{organization}@example.org"
            else:
                no_contact.add(organization)
    _write(line, institutions, contacts, orders)
    return Organizations(addresses, no_contact)


def _write(line, institutions, contacts, orders):
    """Rows that are fenced from the portal take no COPY."""
    with line.connect() as conn, conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO ledger.institution_version (code, name, kind, status, country, valid_from)
            VALUES (%s, %s, %s, %s, 'US', '2020-01-01')
            """,
            [
                (organization, name, kind, "active" if is_active else "closed")
                for organization, name, kind, is_active in institutions
            ],
        )
        cursor.executemany(
            """
            INSERT INTO ledger.contact (organization_code, role, name, email, valid_from, valid_to)
            VALUES (%s, 'primary', %s, %s, '2020-01-01', %s)
            """,
            [
                (organization, f"C {organization}", email, None if is_valid else DAY - timedelta(days=1))
                for organization, email, is_valid in contacts
            ],
        )
        with cursor.copy(
            "COPY ledger.voucher_order (order_id, organization_code, ordered_on, quantity, status) FROM STDIN"
        ) as rows:
            for order_id, organization, on, status in orders:
                rows.write_row((order_id, organization, on, 10, status))


def troubles_of(addresses, *, seed: int) -> dict[str, str]:
    """A tenth of the addresses drop the line, a tenth greylist, and so on; by a seeded draw."""
    chance = random.Random(seed)
    drawn = chance.sample(sorted(addresses), k=len(addresses))
    shares = {"drop": 0.1, "grey": 0.1, "later": 0.02, "never": 0.01}
    troubles, start = {}, 0
    for trouble, share in shares.items():
        end = start + max(2, round(len(drawn) * share))
        troubles |= dict.fromkeys(drawn[start:end], trouble)
        start = end
    return troubles | dict.fromkeys(drawn[start : start + 3], "slow")


def killed(line: Line, port: int, server, *point: str) -> int:
    """Run the mailing in a process of its own; how it ended."""
    program = [sys.executable, "-m", "tests.faults.killed_mailing"]
    process = subprocess.Popen(
        [*program, str(line.settings.home), line.url, str(port), *point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    started = int(process.stdout.readline())
    server.pid = None if point else started
    process.communicate("go\n")
    server.pid = None
    wait_until_seen_to_be_dead(line)
    return process.returncode


def codes_on_file(line: Line) -> dict[str, bytes]:
    with line.connect() as conn:
        rows = conn.execute("SELECT organization_code, lookup FROM ledger.access_code").fetchall()
    assert len(dict(rows)) == len(rows), "one code each"
    return dict(rows)


def mended(line: Line, organizations) -> dict[str, str]:
    """New contacts for organisations whose mail came back."""
    with line.connect() as conn:
        for organization in organizations:
            conn.execute(
                """
                INSERT INTO ledger.contact (organization_code, role, name, email, valid_from)
                VALUES (%s, 'primary', 'New', %s, %s)
                """,
                [organization, f"new{organization}@example.org", DAY],
            )
    return {organization: f"new{organization}@example.org" for organization in organizations}


def walk(line: Line, *, number: int, steps, kill_at, seed: int) -> str:
    """The whole mailing with its kills and faults; asserts what must hold and tells the figures."""
    made = invented(line, number, seed=seed)
    server = mail_servers.Troubled(troubles_of(made.addresses.values(), seed=seed), kill_at)
    kept: dict[str, bytes] = {}
    kills = 0
    with mail_servers.serving(server) as port:
        minting = [step for step in steps if not step[3]]
        mailing = [step for step in steps if step[3]]
        for step in [*minting, *[None] * len(kill_at), *mailing]:
            call = [] if step is None else [*step[:3], str(max(1, round(step[3] * len(made.addresses))))]
            ended = killed(line, port, server, *call)
            kills += ended == -9
            now = codes_on_file(line)
            assert kept.items() <= now.items(), "a code that is on file stays the same"
            kept = now
        ready = line_to(str(line.settings.home), line.url, port)
        runs, outcome = 0, None
        while outcome is None or (outcome.waiting and runs < 12):
            outcome, runs = issue(ready, year=YEAR, on=DAY, approved_by="Kim"), runs + 1
            assert outcome.balanced
        bounced = outcome.bounced
        new = mended(line, bounced)
        outcome = issue(ready, year=YEAR, on=DAY, approved_by="Kim")
        assert outcome.mailed == bounced
        before = len(server.mails)
        again = issue(ready, year=YEAR, on=DAY, approved_by="Kim")
    assert (again.minted, again.mailed, again.waiting, again.bounced) == (0, (), (), ())
    assert len(server.mails) == before, "who was mailed is not mailed again"
    assert (set(again.kept), set(again.no_contact)) == (set(made.addresses), made.no_contact)
    assert again.eligible == len(made.addresses) + len(made.no_contact)
    assert kept.items() <= codes_on_file(line).items()
    assert set(codes_on_file(line)) == set(made.addresses)
    repeats = _check_mails(line, server, {**made.addresses, **new})
    assert repeats <= server.met["drop"] + server.met["slow"] + kills
    assert kills == len(steps) + len(kill_at)
    met = ", ".join(f"{trouble} {count}" for trouble, count in sorted(server.met.items()))
    return (
        f"{number} organisations, {again.eligible} eligible, {len(made.addresses)} codes, "
        f"{len(server.mails)} mails ({repeats} repeats), {kills} kills, {runs} runs to the end; "
        f"faults met: {met}"
    )


def _check_mails(line: Line, server, addresses: dict[str, str]) -> int:
    """At least one mail to each, to nobody else, all of one organisation with its one code; the repeats."""
    by_address = defaultdict(list)
    for mail, raw in zip(server.mails, server.raw, strict=True):
        by_address[mail["To"]].append((mail, raw))
    assert set(by_address) == set(addresses.values())
    keys = vault.open_keys(line.settings.secrets, may_make=lambda: False)
    on_file = codes_on_file(line)
    for organization, address in addresses.items():
        texts = {raw for _, raw in by_address[address]}
        assert len(texts) == 1, "a repeat is the same mail, byte for byte"
        typed = code.parse(code_in(by_address[address][0][0]))
        assert vault.lookup_of(keys, typed) == on_file[organization]
    return sum(Counter({to: len(mails) - 1 for to, mails in by_address.items()}).values())


def test_a_sample_of_the_mailing_with_kills_and_faults(line):
    walk(line, number=150, steps=[STEPS[1], STEPS[6], STEPS[8]], kill_at=(20,), seed=7)


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_twenty_thousand_organisations_get_one_code_and_at_least_one_mail_each(line, capsys, caplog):
    caplog.set_level(logging.ERROR)  # each put-off mail is a warning
    told = walk(line, number=20_000, steps=STEPS, kill_at=(100, 2000, 5000), seed=2027)
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
