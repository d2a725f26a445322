"""Reads a batch's files as a scanner and a print shop would, and holds them to the ledger."""

import csv
import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pypdfium2
import zxingcpp

from distribution import filenames
from distribution.channels.paper import barcodes, geometry, intelligent_mail
from tests.support.bars import bars_on

DPI = 300
CANDIDATE = re.compile(r"\bK\d{7}\b")
COLLEGE_ID = re.compile(r"\bU-\d{6}\b")


@dataclass(frozen=True, slots=True)
class Batch:
    """The three files of a batch."""

    batch_id: str
    folder: Path

    @property
    def pdf(self) -> Path:
        return self.folder / filenames.batch_pdf(self.batch_id)

    @property
    def cover(self) -> Path:
        return self.folder / filenames.batch_cover(self.batch_id)

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
            text_of(batch.cover),
            (batch.folder / filenames.batch_manifest(batch.batch_id)).read_text("utf-8"),
            subprocess.run(["pdfinfo", batch.pdf], check=True, capture_output=True).stdout.decode(),
            subprocess.run(["pdfinfo", "-meta", batch.pdf], check=True, capture_output=True).stdout.decode(),
            "\n".join(entry.get_title() for entry in pypdfium2.PdfDocument(batch.pdf).get_toc()),
            "\n".join(path.name for path in batch.folder.iterdir()),
        )
    )
    assert not CANDIDATE.search(around)
    assert not COLLEGE_ID.search(around)
    for number in {*contents["candidate_id"], *contents["college_student_id"]}:
        assert not number or number not in around, "a student's number"
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
