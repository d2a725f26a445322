"""Every file name that people or programs outside rely on: written and read back here, nowhere else."""

import re
from dataclasses import dataclass
from datetime import date

from distribution.model import FeedKind

CONTROL_SUFFIX = ".control.json"
SIGNATURE_SUFFIX = ".control.json.sig"
PART_SUFFIX = ".part"

_FEED_NAME = re.compile(
    r"(?P<kind>institutions|contacts|voucher_orders|results|transcript_requests)"
    r"-(?P<day>[0-9]{8})-(?P<number>[0-9]{3})\.csv"
)
_BATCH_ID = re.compile(r"PB-(?P<day>[0-9]{8})-(?P<letters>[A-Z]+)")
PGP_SUFFIX = ".pgp"
_ELECTRONIC = "{prefix}_{di}_{date}_{seq}.{extension}"
_PLACE = re.compile(r"\{(?P<what>prefix|di|date|seq3|extension|seq)(?::0(?P<digits>[1-9]))?\}")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class FeedName:
    """What a feed's file name says."""

    kind: FeedKind
    day: date
    number: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.day:%Y%m%d}-{self.number:03d}.csv"


def parse_feed_name(name: str) -> FeedName | None:
    """What a feed's name says, or None when it is outside the pattern, has no real date or number 000."""
    match = _FEED_NAME.fullmatch(name)
    if match is None or match["number"] == "000":
        return None
    day = _real_date(match["day"])
    return FeedName(FeedKind(match["kind"]), day, int(match["number"])) if day else None


def _real_date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def control_name(feed_file: str) -> str:
    """The name of a feed's control file."""
    return feed_file + CONTROL_SUFFIX


def electronic_file(
    *,
    prefix: str,
    di: str,
    day: date,
    sequence: int,
    extension: str,
    encrypted: bool = False,
    pattern: str | None = None,
) -> str:
    """`CLEP_<DI>_<YYYYMMDD>_<SEQ6>.<extension>[.pgp]`, or as an institution's own pattern says.

    A pattern may hold `{prefix}`, `{di}`, `{date}`, `{seq}` (six digits, or `{seq:04}` of four), `{seq3}`
    (the last three) and `{extension}`.
    """

    def value(place: re.Match[str]) -> str:
        if place["what"] == "seq":
            return f"{sequence:0{int(place['digits'] or 6)}d}"
        return {
            "prefix": prefix,
            "di": di,
            "date": f"{day:%Y%m%d}",
            "seq3": last_three(sequence),
            "extension": extension,
        }[place["what"]]

    return with_suffix(_PLACE.sub(value, pattern or _ELECTRONIC), encrypted=encrypted)


def last_three(sequence: int) -> str:
    """The last three digits of a file's number, as the board's own files bear them for an extension."""
    return f"{sequence % 1000:03d}"


def with_suffix(name: str, *, encrypted: bool) -> str:
    """The name as it is when the file is encrypted, or in clear."""
    return name.removesuffix(PGP_SUFFIX) + (PGP_SUFFIX if encrypted else "")


def fault_of_pattern(pattern: str) -> str | None:
    """Why a pattern cannot name an institution's files; None when it can."""
    places = {place["what"] for place in _PLACE.finditer(pattern)}
    if "di" not in places or not ("seq" in places or places >= {"date", "seq3"}):
        return "it must hold {di}, and {seq} or both {date} and {seq3}: no name may come twice"
    longest = electronic_file(
        prefix="CLEP",
        di="4471AA",
        day=date(2026, 1, 1),
        sequence=999_999,
        extension="txt",
        encrypted=True,
        pattern=pattern,
    )
    if not _SAFE_NAME.fullmatch(longest):
        return "names are at most 60 letters, digits, `_`, `.` and `-`, and begin with a letter or digit"
    return None


def sidecar(*, di: str, day: date, sequence: int, test: bool = False) -> str:
    """`CTL_<DI>_<YYYYMMDD>_<SEQ6>.json`; of a test file `TEST_CTL_…`."""
    return f"{'TEST_' if test else ''}CTL_{di}_{day:%Y%m%d}_{sequence:06d}.json"


def batch_id(day: date, position: int) -> str:
    """The `position`-th print batch of a day, from 0: `PB-20261123-A` … `-Z`, `-AA`."""
    letters = ""
    position += 1
    while position:
        position, remainder = divmod(position - 1, len(_LETTERS))
        letters = _LETTERS[remainder] + letters
    return f"PB-{day:%Y%m%d}-{letters}"


def batch_position(batch: str) -> int:
    """The position that a batch's letters stand for, from 0: the inverse of `batch_id`."""
    match = _BATCH_ID.fullmatch(batch)
    if match is None:
        raise ValueError(f"{batch!r} is no batch id")
    position = 0
    for letter in match["letters"]:
        position = position * len(_LETTERS) + _LETTERS.index(letter) + 1
    return position - 1


def batch_pdf(batch: str) -> str:
    return f"{batch}.pdf"


def reprint_pdf(batch: str, *, generation: int, first: int, last: int) -> str:
    """`PB-20261123-A-R1-0118.pdf`, of several pieces `PB-20261123-A-R1-0118-0121.pdf`.

    `generation` is the first piece's: it grows whenever that piece is printed again, so no name comes twice.
    """
    pieces = f"{first:04d}" if first == last else f"{first:04d}-{last:04d}"
    return f"{batch}-R{generation}-{pieces}.pdf"


def reprint_manifest(pdf: str) -> str:
    """`PB-20261123-A-R1-0118-manifest.csv` of a reprint's PDF."""
    return f"{pdf.removesuffix('.pdf')}-manifest.csv"


def batch_cover(batch: str) -> str:
    return f"{batch}-cover.pdf"


def batch_manifest(batch: str) -> str:
    return f"{batch}-manifest.csv"
