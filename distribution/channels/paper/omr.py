"""Marks for inserters that count sheets by reading marks at the left edge (OMR), where a stock asks for them.

Seven places, a sixth of an inch apart; what each one says stands on the calibration page.
"""

from distribution.channels.paper import geometry
from distribution.channels.paper.pen import BLACK, Pen

PLACES = 7
_SEQUENCE_BITS = 3


def marks(*, piece: int, sheet: int, of: int) -> tuple[bool, ...]:
    """Which places carry a mark: start and safety always, the piece's last sheet, its number, even parity."""
    sequence = [bool(piece >> bit & 1) for bit in range(_SEQUENCE_BITS)]
    first = [True, True, sheet == of, *sequence]
    return (*first, sum(first) % 2 == 1)


def draw(pen: Pen, *, piece: int, sheet: int, of: int) -> None:
    for place, marked in enumerate(marks(piece=piece, sheet=sheet, of=of)):
        if marked:
            top = geometry.OMR_TOP + geometry.OMR_PITCH * place
            pen.box(geometry.OMR_LEFT, top, geometry.OMR_WIDTH, geometry.OMR_HEIGHT, filled=True, ink=BLACK)
