"""The voucher orders of a demo: schools, districts and a foundation, over two yearly windows."""

import random
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta

from distribution.demo.organizations import Directory

FIRST_DAY = date(2025, 6, 1)
LAST_DAY = date(2027, 5, 31)
ALWAYS_UNTIL = date(2025, 12, 31)  # an earlier night has these too, or it would have no voucher to name


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the voucher_orders feed."""

    order_id: str
    organization_code: str
    ordered_on: date
    quantity: int
    status: str

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(str(cell) for cell in astuple(self))


ORDER_COLUMNS = tuple(field.name for field in fields(Order))


def orders_of(directory: Directory, *, until: date) -> list[Order]:
    """All orders up to a day: the same for every seed, and each later day has those of the days before."""
    dice = random.Random("orders")
    buyers = (*directory.districts, *directory.foundations, *directory.schools)
    orders: list[Order] = []
    for code in buyers:
        # Some buy nothing, so that the yearly codes have someone to leave out.
        for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4))):
            number = len(orders) + 1
            orders.append(_order(f"V{directory.tag.upper()}{number:06d}", code, dice))
    last = max(until, ALWAYS_UNTIL)
    return [order for order in orders if order.ordered_on <= last]


def _order(order_id: str, code: str, dice: random.Random) -> Order:
    days = (LAST_DAY - FIRST_DAY).days
    return Order(
        order_id=order_id,
        organization_code=code,
        ordered_on=FIRST_DAY + timedelta(days=dice.randrange(days + 1)),
        quantity=dice.choice((10, 25, 50, 100, 250)),
        status=dice.choices(("fulfilled", "generating", "cancelled"), weights=(80, 12, 8))[0],
    )
