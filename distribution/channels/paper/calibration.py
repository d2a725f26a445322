"""A page per stock for a ruler and an envelope: scale, window, address, folds and codes."""

from datetime import datetime

from distribution.channels.paper import geometry, omr, typesetting, words
from distribution.channels.paper.fonts import BOLD, REGULAR
from distribution.channels.paper.geometry import LEFT, RIGHT, Stock
from distribution.channels.paper.pen import INK, LINE_INK, RULE, SECOND_INK, Pen

RULER = 100.0
RULER_Y, _HOW_Y = 172.0, 204.0


def calibration_page(stock: Stock, *, created_at: datetime) -> bytes:
    """The page as a PDF, the same bytes for the same stock."""
    pen = Pen(
        title=f"Calibration page, {stock.title}",
        subject="Calibration page",
        author="score-distribution",
        created_at=created_at,
    )
    say = words.of_calibration()
    pen.text(LEFT, geometry.TOP + 3.4, say("heading", stock=stock.title), font=BOLD, size=13)
    _frames(pen, stock, say)
    _codes(pen, say)
    _ruler(pen, say)
    y = _HOW_Y
    for line in typesetting.wrap(say("how", fold=stock.fold), REGULAR, 10, width=RIGHT - LEFT):
        pen.text(LEFT, y, line, size=10)
        y += 5.0
    _folds(pen, stock, say)
    pen.turn_page()
    return pen.close()


def _frames(pen: Pen, stock: Stock, say: words.Words) -> None:
    """Where the window may stand, and the frame that every address keeps to."""
    left, top, right, bottom = stock.window_on_paper()
    slide = stock.width - geometry.PAGE_WIDTH
    pen.box(left, top, right - left, bottom - top, weight=RULE)
    pen.box(left - slide, top, right - left, bottom - top, weight=RULE, ink=LINE_INK)
    pen.right(right - 1.0, top - 1.4, say("window"), size=7.5)
    pen.right(right - slide - 1.0, bottom + 3.4, say("window_right"), size=7.5, ink=SECOND_INK)
    pen.box(
        geometry.ADDRESS_LEFT,
        geometry.ADDRESS_TOP,
        geometry.ADDRESS_WIDTH,
        geometry.ADDRESS_HEIGHT,
        weight=RULE,
    )
    pen.text(geometry.ADDRESS_LEFT + 1.0, geometry.ADDRESS_TOP + 18.0, say("address"), size=6.5)
    pen.box(geometry.IMB_LEFT, geometry.IMB_TOP, geometry.IMB_WIDTH, geometry.IMB_HEIGHT, ink=LINE_INK)
    pen.text(geometry.IMB_LEFT + 1.0, geometry.IMB_TOP + 7.4, say("imb"), size=6.5, ink=SECOND_INK)


def _codes(pen: Pen, say: words.Words) -> None:
    size = geometry.CODE_SIZE
    pen.box(geometry.CODE_LEFT, geometry.TOP, size, size)
    pen.right(geometry.CODE_LEFT - 3.0, geometry.TOP + 5.0, say("code"), size=7.5)
    pen.box(geometry.BAR_LEFT, geometry.BAR_TOP, geometry.BAR_WIDTH, geometry.BAR_HEIGHT, filled=True)
    pen.text(geometry.BAR_LEFT + 5.0, geometry.BAR_TOP + 10.0, say("bar"), size=7.5)
    pen.text(geometry.OMR_LEFT, geometry.OMR_TOP - 2.0, say("omr_title"), font=BOLD, size=7.5)
    for place in range(omr.PLACES):
        top = geometry.OMR_TOP + geometry.OMR_PITCH * place
        pen.box(geometry.OMR_LEFT, top, geometry.OMR_WIDTH, geometry.OMR_HEIGHT, filled=True)
        pen.text(geometry.OMR_LEFT + geometry.OMR_WIDTH + 2.0, top + 1.0, say("omr", mark=place), size=7.5)


def _ruler(pen: Pen, say: words.Words) -> None:
    left = RIGHT - RULER
    pen.line(left, RULER_Y, RIGHT, weight=RULE, ink=INK)
    for step in range(11):
        x = left + RULER * step / 10
        pen.line(x, RULER_Y, x, RULER_Y - (4.0 if step % 5 == 0 else 2.0), weight=RULE, ink=INK)
    y = RULER_Y + 4.0
    for line in typesetting.wrap(say("scale", millimetres=f"{RULER:g}"), REGULAR, 7.5, width=RULER):
        pen.text(left, y, line, size=7.5)
        y += 3.4


def _folds(pen: Pen, stock: Stock, say: words.Words) -> None:
    """Short strokes at both edges where the letter is folded."""
    y = stock.panel_height
    while y < geometry.PAGE_HEIGHT - 1.0:
        for x in (0.0, geometry.PAGE_WIDTH - 8.0):
            pen.line(x, y, x + 8.0, weight=RULE, ink=INK)
        pen.right(geometry.PAGE_WIDTH - 9.0, y + 1.0, say("fold"), size=6.5, ink=SECOND_INK)
        y += stock.panel_height
