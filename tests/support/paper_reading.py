"""Reads a batch's files as a scanner, a registrar and a print shop would, and holds them to the ledger."""

import csv
import io
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pypdfium2
import zxingcpp

from distribution import exams, filenames
from distribution.channels.paper import barcodes, geometry, intelligent_mail
from tests.support.bars import bars_on

DPI = 300
_CANDIDATE = re.compile(r"\bK\d{7}\b")
_SCORE = re.compile(
    r"^\s*(?P<title>\S.*?)(?: ?†)?\s{2,}(?P<day>\d{4}-\d\d-\d\d)\s+"
    r"(?:(?P<cancelled>Score cancelled)|(?P<score>\d\d)\s+(?P<credits>\d+|—))$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The three files of a batch."""

    batch_id: str
    folder: Path

    @property
    def pdf(self) -> Path:
        return self.folder / filenames.batch_pdf(self.batch_id)

    @property
    def rows(self) -> list[dict[str, str]]:
        text = (self.folder / filenames.batch_manifest(self.batch_id)).read_text("utf-8")
        return list(csv.DictReader(io.StringIO(text)))

    def sheets(self) -> Iterator[tuple[dict[str, str], str, str]]:
        """Each row of the manifest with the text of its sheet, both sides: as it lies, and as it was set."""
        lying, as_set = text_of(self.pdf).split("\f"), text_of(self.pdf, "-raw").split("\f")
        for row in self.rows:
            sides = slice(int(row["first_page"]) - 1, int(row["last_page"]))
            yield row, "\n".join(lying[sides]), "\n".join(as_set[sides])


def text_of(pdf: Path, order: str = "-layout") -> str:
    """All text of a file, as pdftotext reads it."""
    return subprocess.run(["pdftotext", order, pdf, "-"], check=True, capture_output=True).stdout.decode()


# Codes ------------------------------------------------------------------------------------------------------
def read_codes(batch: Batch) -> int:
    """Render each sheet's front and read its code and, on first sheets, its bars; the number of codes read.

    Each code must say what the manifest's row says, each barcode must be the row's digits.
    """
    document = pypdfium2.PdfDocument(batch.pdf)
    rows = batch.rows
    assert len(document) == 2 * len(rows)
    for row in rows:
        front = document[int(row["first_page"]) - 1]
        picture = np.asarray(front.render(scale=DPI / 72, grayscale=True).to_pil())
        (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.DataMatrix)
        said = f"{row['batch']}|{row['piece']}|{row['sheet']}/{row['of']}"
        assert code.text == f"{said}|{barcodes.check_of(said)}"
        if row["imb"] and row["sheet"] == "1":
            read = bars_on(picture < 128, left=geometry.IMB_LEFT, top=geometry.IMB_TOP, dpi=DPI)
            assert read == intelligent_mail.bars(row["imb"])
    return len(rows)


# Words ------------------------------------------------------------------------------------------------------
def compare_words(batch: Batch, contents: pd.DataFrame) -> int:
    """Read every sheet's words and compare them with the ledger's deliveries; the number of scores read.

    `contents` as `ledger.deliveries.contents` gives it for the batch. Asserts that no sheet but a roster
    names two students, and that each score, name and id stands on the right piece.
    """
    names = _names(contents)
    expected = Counter(_expected(row) for row in contents.to_dict("records"))
    read: Counter[tuple] = Counter()
    rostered: dict[str, set[str]] = {}
    for row, text, as_set in batch.sheets():
        candidates = set(_CANDIDATE.findall(text))
        scores = [match.groupdict() for match in _SCORE.finditer(text)]
        if not scores:
            rostered.setdefault(row["piece"], set()).update(candidates)
        else:
            assert len(candidates) == 1, (
                f"{row['piece']} sheet {row['sheet']} names {len(candidates)} students"
            )
        for candidate in candidates:
            assert _unbroken(names[candidate]) in _unbroken(as_set), "the name as the ledger has it"
        for score in scores:
            read[row["piece"], next(iter(candidates)), *_as_read(score)] += 1
    assert read == expected, (list((read - expected).items())[:3], list((expected - read).items())[:3])
    for piece, students in rostered.items():
        assert students == {candidate for number, candidate, *_ in expected if number == piece}, "the roster"
    return sum(read.values())


def _names(contents: pd.DataFrame) -> dict[str, str]:
    given = contents["first_name"] + " " + contents["middle_name"]
    joined = (contents["last_name"] + ", " + given.str.strip()).str.rstrip(", ")
    return dict(zip(contents["candidate_id"], joined, strict=True))


def _unbroken(words: str) -> str:
    """Without blanks: a name longer than its line is broken."""
    return re.sub(r"\s", "", words)


def _expected(row: dict) -> tuple:
    day = date.fromisoformat(row["test_date"])
    place = (
        f"{int(row['piece']):04d}",
        row["candidate_id"],
        exams.title_of(row["exam_code"], day),
        row["test_date"],
    )
    if row["action"] == "X" or row["status"] != "scored":
        return (*place, "", "")
    credits = exams.recommended_credits(row["exam_code"], int(row["scaled_score"]), day)
    return (*place, row["scaled_score"], "—" if credits is None else str(credits))


def _as_read(score: dict[str, str | None]) -> tuple:
    return (score["title"], score["day"], score["score"] or "", score["credits"] or "")


# What must not be there -------------------------------------------------------------------------------------
def assert_private(batch: Batch, contents: pd.DataFrame) -> None:
    """No gender or birth date on paper; no student in cover, manifest, metadata, outline, file names."""
    text = text_of(batch.pdf).replace(batch.batch_id, "")
    assert not re.search(r"(?i)\b(gender|sex|female|male|birth|born)\b", text)
    assert not re.search(r"\b[FMX]\b", text), "a lone letter that could be a gender"
    for born in set(contents["birth_date"]):
        assert born not in text
        assert born[:4] not in _without_numbers(text)
    around = "\n".join(
        (
            text_of(batch.folder / filenames.batch_cover(batch.batch_id)),
            (batch.folder / filenames.batch_manifest(batch.batch_id)).read_text("utf-8"),
            subprocess.run(["pdfinfo", batch.pdf], check=True, capture_output=True).stdout.decode(),
            subprocess.run(["pdfinfo", "-meta", batch.pdf], check=True, capture_output=True).stdout.decode(),
            "\n".join(entry.get_title() for entry in pypdfium2.PdfDocument(batch.pdf).get_toc()),
            "\n".join(path.name for path in batch.folder.iterdir()),
        )
    )
    assert not _CANDIDATE.search(around)
    for name in {*contents["last_name"], *contents["first_name"]}:
        assert not name or not re.search(rf"\b{re.escape(name)}\b", around), "a student's name"


def _without_numbers(text: str) -> str:
    """Without ids, house numbers and ZIP codes, in which any year may stand by chance."""
    return re.sub(
        r"[A-Z]-?\d+|\d{5}(-\d{4})?|\d+ Founders Hall|code \d+|20(19|2\d)|piece \d+|\d+-\d+", "", text
    )


# Three other readers ----------------------------------------------------------------------------------------
def assert_clean(pdf: Path) -> None:
    """qpdf, MuPDF and Ghostscript take the file without a word (Debian builds MuPDF without ICC: `-N`)."""
    checked = subprocess.run(["qpdf", "--check", pdf], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    drawn = subprocess.run(
        ["mutool", "draw", "-q", "-N", "-F", "bbox", "-o", "/dev/null", pdf], capture_output=True, text=True
    )
    assert (drawn.returncode, drawn.stderr) == (0, "")
    ghost = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-dPDFSTOPONERROR", "-dPDFSTOPONWARNING"]
    run = subprocess.run([*ghost, "-sDEVICE=nullpage", str(pdf)], capture_output=True, text=True)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
