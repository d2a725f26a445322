"""A pen for one canvas: words, lines and boxes at millimetres from the top left."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO

from reportlab.lib.utils import TimeStamp
from reportlab.pdfgen.canvas import Canvas

from distribution.channels.paper import fonts, geometry
from distribution.channels.paper.geometry import pt, x_pt, y_pt

INK = (0x1B / 255, 0x23 / 255, 0x30 / 255)
SECOND_INK = (0x4A / 255, 0x55 / 255, 0x65 / 255)
LINE_INK = (0x9A / 255, 0xA4 / 255, 0xB2 / 255)
WHITE = (1.0, 1.0, 1.0)
HAIRLINE, RULE, HEAVY = 0.4, 0.9, 2.2


def open_canvas(*, title: str, subject: str, author: str, created_at: datetime) -> tuple[Canvas, BytesIO]:
    """An empty document, the same bytes for the same drawing; its date is `created_at`, never now."""
    fonts.register()
    target = BytesIO()
    canvas = Canvas(target, pagesize=geometry.PAGE_SIZE_PT, invariant=1, pageCompression=1, lang="en-US")
    canvas.setTitle(title)
    canvas.setSubject(subject)
    canvas.setAuthor(author)
    canvas.setCreator("score-distribution")
    canvas._doc._timeStamp = _stamp(created_at)
    return canvas, target


def _stamp(created_at: datetime) -> TimeStamp:
    stamp = TimeStamp(invariant=1)
    utc = created_at.astimezone(UTC)
    stamp.t, stamp.lt = utc.timestamp(), utc.timetuple()
    stamp.YMDhms = tuple(utc.timetuple())[:6]
    return stamp


class Pen:
    """Draws on a canvas. `x` and `y` are millimetres from the top left; `y` of a text is its baseline."""

    def __init__(self, canvas: Canvas):
        self.canvas = canvas

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        font: str = fonts.REGULAR,
        size: float = 9.0,
        ink: tuple[float, float, float] = INK,
    ) -> None:
        canvas = self.canvas
        canvas.setFont(font, size)
        canvas.setFillColorRGB(*ink)
        canvas.drawString(x_pt(x), y_pt(y), words)

    def right(
        self,
        x: float,
        y: float,
        words: str,
        *,
        font: str = fonts.REGULAR,
        size: float = 9.0,
        ink: tuple[float, float, float] = INK,
    ) -> None:
        """A text that ends at `x`."""
        self.text(x - fonts.width(words, font, size) / geometry.MM, y, words, font=font, size=size, ink=ink)

    def line(
        self,
        x: float,
        y: float,
        to_x: float,
        to_y: float | None = None,
        *,
        weight: float = HAIRLINE,
        ink: tuple[float, float, float] = LINE_INK,
    ) -> None:
        self.canvas.setStrokeColorRGB(*ink)
        self.canvas.setLineWidth(weight)
        self.canvas.line(x_pt(x), y_pt(y), x_pt(to_x), y_pt(y if to_y is None else to_y))

    def box(
        self, x: float, y: float, width: float, height: float, *, weight: float = RULE, filled: bool = False
    ) -> None:
        """A rectangle with its top left at `x`, `y`: an outline, or all ink."""
        self.canvas.setStrokeColorRGB(*INK)
        self.canvas.setFillColorRGB(*INK)
        self.canvas.setLineWidth(weight)
        stroke, fill = (0, 1) if filled else (1, 0)
        self.canvas.rect(x_pt(x), y_pt(y + height), pt(width), pt(height), stroke=stroke, fill=fill)

    def form(self, name: str, draw: Callable[[], None]) -> None:
        """Keep what `draw` draws under a name, once in the file, to be stamped on any page."""
        self.canvas.beginForm(name, 0, 0, *geometry.PAGE_SIZE_PT)
        draw()
        self.canvas.endForm()

    def stamp(self, name: str, *, down: float = 0.0) -> None:
        """Stamp a kept form, moved down by millimetres."""
        if not down:
            self.canvas.doForm(name)
            return
        self.canvas.saveState()
        self.canvas.translate(0, -pt(down))
        self.canvas.doForm(name)
        self.canvas.restoreState()
