"""The manifest of a batch or a reprint: one row per sheet, for the inserter and for whoever counts."""

import csv
import io
from collections.abc import Iterable

from distribution.channels.paper import barcodes
from distribution.channels.paper.print_batch import SheetRow

COLUMNS = ("batch", "piece", "di", "sheet", "of", "first_page", "last_page", "imb", "pdf_sha256")


def write(batch_id: str, sheets: Iterable[SheetRow], *, pdf_sha256: str) -> bytes:
    """The manifest as CSV (UTF-8, CRLF as RFC 4180 has it).

    `piece` is what the sheet's code says, `imb` holds the digits, if there are any.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    rows.writerows(
        (
            batch_id,
            barcodes.piece_id(row.piece, row.generation),
            row.di,
            row.sheet,
            row.of,
            row.first_page,
            row.last_page,
            row.imb,
            pdf_sha256,
        )
        for row in sheets
    )
    return text.getvalue().encode()
