"""The return address at the top left of an envelope sheet: above the window, beside the sheet's number."""

from collections.abc import Sequence

from distribution.channels.paper import fonts, geometry
from distribution.channels.paper.fonts import BOLD, REGULAR

MOST_LINES = 3  # a fourth would show in the window of a 9 × 12 flat
FIRST_SIZE, SIZE = 9.5, 8.5
BASELINE, LEADING = 3.4, 4.1  # millimetres below the margin, and from line to line


def lines_of(stated: str) -> tuple[str, ...]:
    """The lines of a return address stated as `First|Second|Third`, as they are set; empty ones left out."""
    lines = (" ".join(fonts.printable(line).split()) for line in stated.split("|"))
    return tuple(line for line in lines if line)


def fault_of(lines: Sequence[str]) -> str:
    """Why a return address cannot be printed, in words that follow `it`; empty when it can."""
    if not lines:
        return "has no line"
    if len(lines) > MOST_LINES:
        return f"has {len(lines)} lines, and the fourth would stand in an envelope's window"
    for number, line in enumerate(lines, start=1):
        if fonts.uncovered([line]):
            return f"holds a letter in line {number} that the fonts cannot set"
        font, size = (BOLD, FIRST_SIZE) if number == 1 else (REGULAR, SIZE)
        width = fonts.width(line, font, size) / geometry.MM
        if width > geometry.RETURN_WIDTH:
            return (
                f"is {width:.0f} mm wide in line {number}, {geometry.RETURN_WIDTH:.0f} mm are free beside "
                "the sheet's number"
            )
    return ""
