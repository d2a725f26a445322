"""Sheet codes of every length can be read from the page at 300 dpi."""

import io
from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp

from distribution.channels.paper import barcodes, geometry, pen

CODES = [
    {"batch_id": "PB-20261123-A", "piece": 2, "sheet": 3, "of": 3, "generation": 1},
    {"batch_id": "PB-20261123-A", "piece": 118, "sheet": 1, "of": 1},
    {"batch_id": "PB-20261123-AB", "piece": 9999, "sheet": 11, "of": 60, "generation": 12},
    {"batch_id": "PB-20261123-ZZ", "piece": 10001, "sheet": 60, "of": 60, "generation": 3},
]


@pytest.mark.parametrize("named", CODES)
def test_a_sheets_code_is_read_from_the_page(named):
    words = barcodes.sheet_code(**named)
    drawn = pen.Pen(title="t", subject="s", author="a", created_at=datetime(2026, 11, 24, tzinfo=UTC))
    barcodes.draw_data_matrix(
        drawn, words, left=geometry.CODE_LEFT, top=geometry.TOP, size=geometry.CODE_SIZE
    )
    drawn.turn_page()
    page = pypdfium2.PdfDocument(io.BytesIO(drawn.close()))[0]
    assert [code.text for code in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())] == [words]
