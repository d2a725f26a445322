"""A pen for one document: words, lines and boxes at millimetres from the top left."""

from collections.abc import Callable, Sequence
from datetime import datetime

from distribution.channels.paper import fonts, geometry
from distribution.channels.paper.geometry import MM, pt
from distribution.channels.paper.pdf_file import About, PdfFile

# Red, green and blue as a PDF writes them.
INK = "0.106 0.137 0.188"
SECOND_INK = "0.29 0.333 0.396"
LINE_INK = "0.604 0.643 0.698"
WHITE = "1 1 1"
BLACK = "0 0 0"
HAIRLINE, RULE, HEAVY = 0.4, 0.9, 2.2

_HEIGHT = geometry.PAGE_SIZE_PT[1]
_TAGS = {fonts.REGULAR: "R", fonts.BOLD: "B"}


class Pen:
    """Draws the pages of a document at millimetres from the top left; `y` of a text is its baseline.

    Shapes and words are gathered apart: words always stand above the shapes of their page.
    """

    def __init__(self, *, title: str, subject: str, author: str, created_at: datetime):
        about = About(title=title, subject=subject, author=author, created_at=created_at)
        self._file = PdfFile(about, page_size=geometry.PAGE_SIZE_PT)
        self._faces = fonts.faces()
        self._use = {name: face.used.update for name, face in self._faces.items()}
        self._clear()

    def _clear(self) -> None:
        self._shapes: list[str] = []
        self._words: list[str] = []
        self._set: tuple[str, float, str] | None = None  # font, size, ink of the words so far

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        font: str = fonts.REGULAR,
        size: float = 9.0,
        ink: str = INK,
    ) -> None:
        if self._set != (font, size, ink):
            self._set = (font, size, ink)
            self._words.append(f"/{_TAGS[font]} {size:g} Tf {ink} rg")
        self._use[font](words)
        # The code of a character is its UTF-16 unit: no table to look into.
        code = words.encode("utf-16-be").hex()
        self._words.append(f"1 0 0 1 {x * MM:.2f} {_HEIGHT - y * MM:.2f} Tm<{code}>Tj")

    def right(
        self,
        x: float,
        y: float,
        words: str,
        *,
        font: str = fonts.REGULAR,
        size: float = 9.0,
        ink: str = INK,
    ) -> None:
        """A text that ends at `x`."""
        self.text(x - fonts.width(words, font, size) / MM, y, words, font=font, size=size, ink=ink)

    def line(
        self,
        x: float,
        y: float,
        to_x: float,
        to_y: float | None = None,
        *,
        weight: float = HAIRLINE,
        ink: str = LINE_INK,
    ) -> None:
        to_y = y if to_y is None else to_y
        self._shapes.append(
            f"{ink} RG {weight:g} w {x * MM:.2f} {_HEIGHT - y * MM:.2f} m "
            f"{to_x * MM:.2f} {_HEIGHT - to_y * MM:.2f} l S"
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        weight: float = RULE,
        filled: bool = False,
        ink: str = INK,
    ) -> None:
        """A rectangle with its top left at `x`, `y`: an outline, or all ink."""
        paint = f"{ink} rg" if filled else f"{ink} RG {weight:g} w"
        self._shapes.append(
            f"{paint} {x * MM:.2f} {_HEIGHT - (y + height) * MM:.2f} {width * MM:.2f} {height * MM:.2f} "
            f"re {'f' if filled else 'S'}"
        )

    def modules(
        self, bits: str, columns: int, rows: int, *, left: float, top: float, width: float, height: float
    ) -> None:
        """A printed code as an inline image of one bit per module (`bits`: hexadecimal rows, 1 = white)."""
        self._shapes.append(
            f"q {pt(width):.3f} 0 0 {pt(height):.3f} {left * MM:.3f} {_HEIGHT - (top + height) * MM:.3f} cm "
            f"BI /W {columns} /H {rows} /BPC 1 /CS /G /F /AHx ID {bits}> EI Q"
        )

    def bars(
        self, boxes: Sequence[tuple[int, int, int, int]], *, unit: float, left: float, base: float
    ) -> None:
        """Black bars: left, bottom, width, height in units of `unit` mm, up and right of a place."""
        drawn = " ".join(f"{x} {y} {width} {height} re" for x, y, width, height in boxes)
        scale = f"{pt(unit):.6f}"
        self._shapes.append(
            f"q {BLACK} rg {scale} 0 0 {scale} {left * MM:.3f} {_HEIGHT - base * MM:.3f} cm {drawn} f Q"
        )

    def form(self, name: str, draw: Callable[[], None]) -> None:
        """Keep what `draw` draws under a name, once in the file, to be stamped on any page."""
        draw()
        self._file.add_form(name, self._drawn())

    def stamp(self, name: str, *, down: float = 0.0) -> None:
        """Stamp a kept form, moved down by millimetres."""
        self._shapes.append(f"q 1 0 0 1 0 {-pt(down):.2f} cm /{name} Do Q" if down else f"/{name} Do")

    def turn_page(self, *, outline: str = "") -> None:
        """End the page; what nothing was drawn on stays blank. With a title it is found in the outline."""
        self._file.add_page(self._drawn(), outline=outline)

    def _drawn(self) -> str:
        shapes, words = self._shapes, self._words
        self._clear()
        if words:
            shapes += ("BT", *words, "ET")
        return "\n".join(shapes)

    def close(self) -> bytes:
        """The document's bytes: the same for the same drawing."""
        return self._file.close({_TAGS[name]: face for name, face in self._faces.items() if face.used})
