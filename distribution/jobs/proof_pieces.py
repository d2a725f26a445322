"""The proof of the paper design: edge cases and calibration pages as files, measured and compared."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from distribution.channels.paper import calibration, edge_cases, geometry, outbox, proof
from distribution.channels.paper.proof import Clearance

log = logging.getLogger(__name__)

_FROZEN = datetime(2026, 1, 1, tzinfo=UTC)  # the same calibration page whenever it is written


@dataclass(frozen=True, slots=True)
class ProvedCase:
    """One case as it was written; `differing` are the pictures that show how a page is not what it was."""

    name: str
    stock: str
    pieces: int
    pages: int
    clear: Clearance
    pdf: Path
    pictures: tuple[Path, ...]
    differing: tuple[Path, ...]

    @property
    def is_clear(self) -> bool:
        return self.clear.least >= geometry.CLEARANCE


def write_proof(
    folder: Path, *, against: Path | None = None, return_address: Sequence[str] = proof.RETURN_ADDRESS
) -> Iterator[ProvedCase]:
    """Write every case and calibration page into a folder, each case when it is asked for.

    `against` is a folder of an earlier proof: where one of its pictures shows something else, the difference
    is written beside the new picture as `…-difference.png`. Give the house's own return
    address: what is measured is then what will be printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stock in geometry.STOCKS.values():
        page = calibration.calibration_page(stock, created_at=_FROZEN)
        outbox.place(folder, f"calibration-{stock.name}.pdf", page)
    for number, case in enumerate(edge_cases.edge_cases(), start=1):
        yield _write_case(folder, f"{number:02d}-{case.name}", case, against, return_address)


def _write_case(
    folder: Path, name: str, case: edge_cases.EdgeCase, against: Path | None, return_address: Sequence[str]
) -> ProvedCase:
    stock, printed = proof.print_case(case, return_address=return_address)
    pdf = outbox.place(folder, f"{name}.pdf", printed.pdf)
    measured = proof.picture(printed.pdf, 0, dpi=proof.MEASURED_DPI)
    pictures, differing = [], []
    for page in proof.shown_pages(printed.pages):
        shown = proof.picture(printed.pdf, page)
        picture = folder / f"{name}-page-{page + 1}.png"
        shown.save(picture, optimize=True)
        pictures.append(picture)
        difference = proof.difference_to(shown, against / picture.name) if against else None
        if difference is not None:
            place = picture.with_name(f"{picture.stem}-difference.png")
            difference.save(place, optimize=True)
            differing.append(place)
    log.info("Proved %s: %s pages, %s pictures differ", name, printed.pages, len(differing))
    return ProvedCase(
        name=name,
        stock=stock.name,
        pieces=len(case.pieces),
        pages=printed.pages,
        clear=proof.clearance(measured, stock, below_imb=bool(case.pieces[0].imb)),
        pdf=pdf,
        pictures=tuple(pictures),
        differing=tuple(differing),
    )
