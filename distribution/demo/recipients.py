"""Who paid, which school the student named, and who shall get the score."""

from collections.abc import Sequence

import numpy as np

from distribution import exams
from distribution.demo.chance import Cells, Chance, cells, pick
from distribution.demo.orders import Order
from distribution.demo.organizations import Directory

UNKNOWN_DIS = tuple(f"{number}" for number in range(9990, 10_000))
UNKNOWN_SCHOOLS = tuple(f"48{number}" for number in range(9900, 9920))


def draw_schools(
    chance: Chance, directory: Directory, orders: Sequence[Order], count: int, shown: int
) -> tuple[Cells, Cells, Cells]:
    """Funding, voucher order and attending code of each row; the first `shown` attend a school on file."""
    funding = pick(
        ("self",) * 11 + ("voucher",) * 5 + ("dantes",) * 2 + ("other",) * 2, chance.draw("funding", count)
    )
    usable = [order for order in orders if order.status != "cancelled"]
    order = cells(count)
    school = _attended(chance, directory, count)
    if directory.schools:
        school[:shown] = pick(directory.schools, chance.draw("shown school", count)[:shown])
    if not usable:
        funding[funding == "voucher"] = "other"
        return funding, order, school
    luck = chance.draw("order", count)
    bought = funding == "voucher"
    order[bought] = pick([one.order_id for one in usable], luck[bought])
    buyer = pick([one.organization_code for one in usable], luck)
    own = bought & np.isin(buyer, directory.schools) & (chance.draw("attends the buyer", count) < 0.75)
    school[own] = buyer[own]
    return funding, order, school


def _attended(chance: Chance, directory: Directory, count: int) -> Cells:
    luck = chance.draw("attends", count)
    school = cells(count)
    for top, pool in (
        (0.65, directory.schools),
        (0.21, directory.districts),
        (0.20, UNKNOWN_SCHOOLS),
        (0.15, tuple(sorted(exams.programme().no_school_codes))),
        (0.10, ("970000",)),
    ):
        here = luck < top
        if pool:
            school[here] = pick(pool, chance.draw(f"school below {top}", count)[here])
    school[luck < 0.05] = ""
    return school


def draw_recipients(chance: Chance, directory: Directory, count: int, shown: int) -> tuple[Cells, Cells]:
    """The two free recipients; the first `shown` rows name a DI on paper and an electronic one."""
    usual = [one.code for one in directory.dis]
    first = _recipients(chance, "first", directory, usual, count)
    second = _recipients(chance, "second", directory, usual, count)
    first[chance.draw("chooses nobody", count) < 0.18] = ""
    second[(chance.draw("chooses two", count) > 0.12) | (first == second)] = ""
    _name_successors_too(chance, directory, first, second)
    for column, pool, word in (
        (first, directory.paper, "paper"),
        (second, directory.electronic, "electronic"),
    ):
        if pool:
            column[:shown] = pick(pool, chance.draw(f"shown {word}", count)[:shown])
    return first, second


def _recipients(chance: Chance, which: str, directory: Directory, usual: Sequence[str], count: int) -> Cells:
    codes = cells(count)
    luck = chance.draw(f"{which} recipient", count)
    for top, pool in (
        (1.0, usual),
        (0.055, directory.unusual),
        (0.015, directory.schools),
        (0.005, UNKNOWN_DIS),
    ):
        here = luck < top
        if pool:
            # The exponent makes some DIs popular.
            codes[here] = pick(pool, chance.draw(f"{which} recipient below {top}", count)[here] ** 1.4)
    return codes


def _name_successors_too(chance: Chance, directory: Directory, first: Cells, second: Cells) -> None:
    """Some students name a closed DI and the one that took it over."""
    successors = {one.code: one.successor_code for one in directory.closed if one.successor_code}
    both = np.flatnonzero(chance.draw("names the successor too", len(first)) < 0.15)
    for row in both[np.isin(first[both], list(successors))].tolist():
        second[row] = successors[first[row]]
