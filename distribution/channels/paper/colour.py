"""The colours of paper: sRGB, told to the printer by a profile made here from the standard's numbers.

IEC 61966-2-1, adapted to the D50 white of ICC profiles (ICC.1:2001-04, version 2.4, a matrix and one curve).
"""

import struct
from functools import cache

_D50 = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_CURVE_POINTS = 1024
_NAME = b"sRGB IEC61966-2.1"
_MADE = (2026, 1, 1, 0, 0, 0)


@cache
def srgb_profile() -> bytes:
    """The profile as an ICC file, always the same bytes."""
    curve = struct.pack(">4sII", b"curv", 0, _CURVE_POINTS) + b"".join(
        struct.pack(">H", round(_linear(point / (_CURVE_POINTS - 1)) * 0xFFFF))
        for point in range(_CURVE_POINTS)
    )
    tags = {
        b"desc": _description(_NAME),
        b"cprt": b"text\0\0\0\0No copyright, use freely\0",
        b"wtpt": _xyz(*_D50),
        **{tag: _xyz(*values) for tag, values in _PRIMARIES.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _file(tags)


def _file(tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table, tags; a tag that is alike to an earlier one points to it."""
    places: dict[bytes, int] = {}
    body, table = b"", struct.pack(">I", len(tags))
    first = 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        if content not in places:
            places[content] = first + len(body)
            body += content + b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", tag, places[content], len(content))
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sII4sQI12s48x",
        first + len(body), b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ", *_MADE, b"acsp", b"\0" * 4,
        0, 0, b"\0" * 4, 0, 0, _xyz(*_D50)[8:],
    )  # fmt: skip
    return head + table + body


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _xyz(x: float, y: float, z: float) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in (x, y, z)))


def _description(name: bytes) -> bytes:
    """`textDescriptionType`: ASCII, then empty Unicode and Macintosh parts."""
    return (
        struct.pack(">4sII", b"desc", 0, len(name) + 1) + name + b"\0" + struct.pack(">II", 0, 0) + b"\0" * 70
    )
