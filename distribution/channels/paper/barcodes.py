"""The small codes that machines and scanners read: a Data Matrix per sheet, and their check characters."""

import zlib
from typing import Any

import numpy as np
import zxingcpp

from distribution.channels.paper import intelligent_mail
from distribution.channels.paper.pen import Pen

# Bars of the Intelligent Mail barcode in thousandths of an inch, up and down from their middle.
_MIL = 0.0254
_PITCH, _BAR_WIDTH = 45, 20
_HIGHEST = {"T": 24, "D": 24, "A": 72, "F": 72}
_LOWEST = {"T": -24, "D": -73, "A": -24, "F": -73}

_DATA_MATRIX = zxingcpp.BarcodeFormat.DataMatrix
_QR_CODE = zxingcpp.BarcodeFormat.QRCode
_CODE_128 = zxingcpp.BarcodeFormat.Code128


def sheet_code(*, batch_id: str, piece: int, sheet: int, of: int, generation: int = 0) -> str:
    """What a sheet's code says: `batch|piece|sheet/of|check`, a reprint's piece with its mark (`0118R1`)."""
    words = f"{batch_id}|{piece_id(piece, generation)}|{sheet}/{of}"
    return f"{words}|{check_of(words)}"


def piece_id(piece: int, generation: int) -> str:
    """A piece as machines read it, in codes and manifests: `0118`, printed again `0118R1`."""
    return f"{piece:04d}" + (f"R{generation}" if generation else "")


def check_of(words: str) -> str:
    """Four hexadecimal digits (CRC-32, its low half) that a misread code does not carry."""
    return f"{zlib.crc32(words.encode()) & 0xFFFF:04X}"


def draw_data_matrix(pen: Pen, words: str, *, left: float, top: float, size: float) -> None:
    """Draw a Data Matrix (ECC 200) with its quiet zone; its top left at `left`, `top`, all in millimetres."""
    # Left alone, words of some lengths become a long symbol, which cannot be read once it is drawn square.
    symbol = zxingcpp.create_barcode(words, _DATA_MATRIX, force_square=True)
    bits, columns, rows = _modules(symbol.to_image(scale=1))
    pen.modules(bits, columns, rows, left=left, top=top, width=size, height=size)


def draw_qr_code(pen: Pen, words: str, *, left: float, top: float, size: float) -> None:
    """Draw a QR code without its quiet zone: leave two millimetres around it."""
    image = zxingcpp.create_barcode(words, _QR_CODE).to_image(scale=1, add_quiet_zones=False)
    bits, columns, rows = _modules(image)
    pen.modules(bits, columns, rows, left=left, top=top, width=size, height=size)


def draw_line_code(pen: Pen, words: str, *, right: float, top: float, module: float, height: float) -> float:
    """Draw a Code 128 that ends at `right`; `module` is its narrowest bar. Returns where it begins."""
    image = zxingcpp.create_barcode(words, _CODE_128).to_image(scale=1, add_quiet_zones=False)
    bits, columns, rows = _modules(image)
    first_row = bits[: len(bits) // rows]
    left = right - columns * module
    pen.modules(first_row, columns, 1, left=left, top=top, width=columns * module, height=height)
    return left


def draw_intelligent_mail(pen: Pen, digits: str, *, left: float, top: float) -> None:
    """Draw the 65 bars: 22.2 an inch, 0.020 in wide, 0.145 in high in all (USPS-B-3200, section 2.3)."""
    shown = enumerate(intelligent_mail.bars(digits))
    boxes = [
        (_PITCH * number, _LOWEST[bar], _BAR_WIDTH, _HIGHEST[bar] - _LOWEST[bar]) for number, bar in shown
    ]
    middle = top + _HIGHEST["F"] * _MIL
    pen.bars(boxes, unit=_MIL, left=left, base=middle)


def _modules(image: Any) -> tuple[str, int, int]:
    """A symbol as rows of hexadecimal digits, a bit per module (1 = white), its columns and its rows."""
    grey = np.asarray(image)
    rows, columns = grey.shape
    return np.packbits(grey != 0, axis=1).tobytes().hex(), columns, rows
