"""The small codes that machines and scanners read: a Data Matrix per sheet, and their check characters."""

import zlib
from typing import Any

import zxingcpp
from reportlab.pdfgen.canvas import Canvas

from distribution.channels.paper import geometry

_AS_DIGIT = bytes(ord("1") if grey else ord("0") for grey in range(256))


def sheet_code(*, batch_id: str, piece: int, sheet: int, of: int, generation: int = 0) -> str:
    """What a sheet's code says: `batch|piece|sheet/of|check`, a reprint's piece with its mark (`0118R1`)."""
    mark = f"R{generation}" if generation else ""
    words = f"{batch_id}|{piece:04d}{mark}|{sheet}/{of}"
    return f"{words}|{check_of(words)}"


def check_of(words: str) -> str:
    """Four hexadecimal digits (CRC-32, its low half) that a misread code does not carry."""
    return f"{zlib.crc32(words.encode()) & 0xFFFF:04X}"


def draw_data_matrix(canvas: Canvas, words: str, *, left: float, top: float, size: float) -> None:
    """Draw a Data Matrix (ECC 200) with its top left at `left`, `top`, all in millimetres.

    An inline image of one bit per module: a tenth of the bytes and time of drawn squares.
    """
    modules, height, width = _modules(words)
    bits = "".join(_packed(modules[row * width : (row + 1) * width]) for row in range(height))
    side = geometry.pt(size)
    x, y = geometry.x_pt(left), geometry.y_pt(top) - side
    canvas._code.append(
        f"q {side:.3f} 0 0 {side:.3f} {x:.3f} {y:.3f} cm "
        f"BI /W {width} /H {height} /BPC 1 /CS /G /F /AHx ID {bits}> EI Q"
    )


def _modules(words: str) -> tuple[bytes, int, int]:
    """The symbol with its quiet zone, a digit per module (1 = white), and its height and width."""
    image: Any = zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.DataMatrix).to_image(scale=1)
    grey = memoryview(image)
    height, width = grey.shape or (0, 0)
    return grey.tobytes().translate(_AS_DIGIT), height, width


def _packed(row: bytes) -> str:
    """A row of digits as hexadecimal, one bit per module, padded to whole bytes with white."""
    bits = row + b"1" * (-len(row) % 8)
    return f"{int(bits, 2):0{len(bits) // 4}X}"
