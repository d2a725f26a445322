"""OMR marks: where a stock asks for them, and what an inserter reads from them."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from distribution.channels.paper import edge_cases, geometry, omr, print_batch, proof


@pytest.mark.parametrize(
    ("piece", "sheet", "of", "marks"),
    [
        (1, 1, 1, "1 1 1 100 0"),
        (1, 1, 3, "1 1 0 100 1"),
        (6, 3, 3, "1 1 1 011 1"),
        (8, 1, 2, "1 1 0 000 0"),
    ],
)
def test_marks_say_last_sheet_piece_number_and_parity(piece, sheet, of, marks):
    read = "".join(str(int(mark)) for mark in omr.marks(piece=piece, sheet=sheet, of=of))
    assert read.count("1") % 2 == 0
    assert read == marks.replace(" ", "")


@pytest.mark.parametrize("asked", [True, False])
def test_marks_stand_on_each_sheet_where_the_stock_asks_for_them(asked):
    case = edge_cases.edge_cases()[4]
    ticket = print_batch.Ticket(
        "PB-20261123-A", "", date(2026, 11, 23), datetime(2026, 11, 24, tzinfo=UTC), geometry.LETTER, 3, True
    )
    printed = print_batch.print_batch(ticket, case.pieces, return_address=["House"], omr=asked)
    dots = 300 / geometry.INCH
    for sheet in (1, 2, 3):
        dark = np.asarray(proof.picture(printed.pdf, 2 * sheet - 2, dpi=300)) < 128
        column = dark[:, round((geometry.OMR_LEFT + geometry.OMR_WIDTH / 2) * dots)]
        middles = [
            geometry.OMR_TOP + geometry.OMR_PITCH * place + geometry.OMR_HEIGHT / 2 for place in range(7)
        ]
        read = tuple(bool(column[round(middle * dots)]) for middle in middles)
        assert read == (omr.marks(piece=1, sheet=sheet, of=3) if asked else (False,) * 7)
