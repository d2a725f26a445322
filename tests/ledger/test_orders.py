"""Voucher orders: quantity and status may change, nothing else."""

from datetime import date

from distribution.jobs.ingest_feeds import ingest_inbox
from distribution.ledger import orders
from tests.support.feeds import institution_row, order_row, write_feed


def test_orders_change_in_quantity_and_status_only(line):
    def take_in(*rows, number):
        write_feed(line.settings.inbox, "voucher_orders", rows, number=number)
        feed = ingest_inbox(line).feeds[-1]
        return feed.new, feed.corrected, feed.duplicate, feed.held

    write_feed(line.settings.inbox, "institutions", [institution_row(), institution_row(code="4480")])
    first = [order_row(status="generating"), order_row(), order_row(), order_row(organization_code="4480")]

    assert take_in(*first, number=1) == (1, 1, 1, 1)
    assert take_in(order_row(), order_row(quantity=26), order_row(), number=2) == (0, 2, 1, 0)
    assert take_in(order_row(ordered_on="2026-09-02"), number=3) == (0, 0, 0, 1)
    assert take_in(order_row(order_id="V-2", status="cancelled"), number=4) == (1, 0, 0, 0)
    with line.connect() as conn:
        on_file = orders.placed_between(conn, date(2026, 9, 1), date(2026, 9, 1))
        assert orders.known(conn, ["V-0001", "V-2", "V-3"]) == {"V-0001", "V-2"}
        held = conn.execute("SELECT reason, column_name FROM ledger.hold ORDER BY hold_id").fetchall()
    assert on_file.values.tolist() == [["V-0001", "4471", "2026-09-01", "25", "fulfilled"]]
    assert held == [("bad-value", "organization_code"), ("bad-value", "ordered_on")]
