"""The same reports by other means: `paper_peers.py platypus|typst|weasyprint CONTENT.json FONT_FOLDER`.

Reads nothing of the project, so that it runs in an environment that holds only the peers. Each side has the
same words as ours. All are given the 2-D codes as ready pictures (reportlab's own takes 2 ms
a side, the others have none); typst and WeasyPrint leave the Intelligent Mail barcode out.
"""

import base64
import io
import json
import resource
import sys
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

_NOTE = (
    "Scores are scaled from 20 to 80; scores of different exams are not comparable. Credits are shown as "
    "recommended by ACE on the test date; each institution sets its own minimum scores and credits. A dash "
    "means that no credit is recommended at this score."
)
_NOTICE = (
    "These scores are disclosed on the condition that the recipient does not disclose them to any other "
    "party without the student's prior written consent, and uses them only for the purposes for which they "
    "were disclosed (34 CFR 99.33)."
)
_ROSTER_HEAD = ("Student", "Candidate ID", "Scores", "Sheet")
_REPORT_HEAD = ("Exam", "Test date", "Score (20–80)", "Recommended credits")


def main() -> int:
    peer, content, folder = sys.argv[1:4]
    pieces = json.loads(Path(content).read_text("utf-8"))
    work, lacks = _PEERS[peer](pieces, Path(folder))
    began = time.process_time()
    pdf = work()
    cpu = time.process_time() - began
    told = {
        "sides": sum(1 + len(piece["students"]) for piece in pieces),
        "cpu": cpu,
        "bytes": len(pdf),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "lacks": lacks,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _foot(piece: dict, sheet: int) -> str:
    return (
        f"CLEP score report · institution code {piece['di']} · reported 23 November 2026 {_ids(piece, sheet)}"
    )


def _ids(piece: dict, sheet: int) -> str:
    return f"PB-20261123-A · piece {piece['piece']:04d} · sheet {sheet} of {1 + len(piece['students'])}"


def _head(piece: dict, sheet: int) -> list[str]:
    """The lines that stand above a side's title."""
    lines = [
        _ids(piece, sheet),
        f"Institution code {piece['di']}",
        "Reported 23 November 2026",
        "CLEP score report",
    ]
    if sheet == 1:
        return ["CLEP Score Reports", "PO Box 0000", *lines, *piece["address"]]
    return [*lines, piece["address"][1], f"Candidate ID {piece['students'][sheet - 2]['id']}"]


def _png(picture: str) -> bytes:
    return base64.b64decode(picture.partition(",")[2])


def _total(piece: dict, sheet: int) -> str:
    if sheet == 1:
        return f"Total: {len(piece['students'])} students"
    return f"{len(piece['students'][sheet - 2]['lines'])} scores reported"


def _sides(piece: dict) -> list[tuple[str, list[tuple], int]]:
    """Each side's title, its table with head, and its number."""
    roster = (f"Score reports for {len(piece['students'])} students", [_ROSTER_HEAD, *_roster(piece)], 1)
    reports = [
        (student["name"], [_REPORT_HEAD, *map(tuple, student["lines"])], sheet)
        for sheet, student in enumerate(piece["students"], start=2)
    ]
    return [roster, *reports]


def _roster(piece: dict) -> list[tuple]:
    return [
        (student["name"], student["id"], str(len(student["lines"])), str(sheet))
        for sheet, student in enumerate(piece["students"], start=2)
    ]


def platypus(pieces: list[dict], folder: Path) -> tuple[Callable[[], bytes], str]:
    """reportlab's page layout, with its own Intelligent Mail barcode."""
    from reportlab.graphics.barcode.usps4s import USPS_4State
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import Image, PageBreak, Paragraph, SimpleDocTemplate, Table, TableStyle

    for name in ("NotoSans-Regular", "NotoSans-Bold"):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    body = ParagraphStyle("body", fontName="NotoSans-Regular", fontSize=9.5, leading=12)
    small = ParagraphStyle("small", parent=body, fontSize=7.5, leading=10)
    title = ParagraphStyle("title", parent=body, fontName="NotoSans-Bold", fontSize=17, leading=22)
    look = TableStyle(
        [
            ("FONTNAME", (0, 0), (-1, -1), "NotoSans-Regular"),
            ("FONTNAME", (0, 0), (-1, 0), "NotoSans-Bold"),
            ("FONTSIZE", (0, 0), (-1, -1), 9.5),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey),
        ]
    )

    def side(piece: dict, heading: str, rows: list[tuple], sheet: int) -> list:
        return [
            Image(io.BytesIO(_png(piece["pictures"][sheet - 1])), width=25.5, height=25.5),
            *(Paragraph(escape(line), body) for line in _head(piece, sheet)),
            Paragraph(escape(heading), title),
            Table([tuple(row) for row in rows], colWidths=[200, 90, 90, 90], style=look, repeatRows=1),
            Paragraph(_total(piece, sheet), body),
            Paragraph(_NOTE, small),
            Paragraph(escape(_NOTICE), small),
            Paragraph(escape(_foot(piece, sheet)), small),
            PageBreak(),
        ]

    def work() -> bytes:
        story: list = []
        for piece in pieces:
            imb = piece["imb"]
            story.append(USPS_4State(imb[:20], imb[20:]))
            for heading, rows, sheet in _sides(piece):
                story += side(piece, heading, rows, sheet)
        target = io.BytesIO()
        SimpleDocTemplate(target, pagesize=(612, 792), invariant=1).build(story)
        return target.getvalue()

    return work, "2-D codes given as pictures"


def typst(pieces: list[dict], folder: Path) -> tuple[Callable[[], bytes], str]:
    """typst, a table per side; it has no codes without packages from outside."""
    import typst as compiler

    def quoted(words: str) -> str:
        return json.dumps(words, ensure_ascii=False)

    def side(piece: dict, heading: str, rows: list[tuple], sheet: int) -> str:
        cells = ", ".join(quoted(cell) for row in rows for cell in row)
        modules = ",".join(map(str, piece["codes"][sheet - 1]))
        size = int(len(piece["codes"][sheet - 1]) ** 0.5)
        above = "".join(f"#{quoted(line)} \\\n" for line in _head(piece, sheet))
        shape = f'(encoding: "luma8", width: {size}, height: {size})'
        return (
            f"#image(bytes(({modules})), format: {shape}, width: 9mm)\n"
            f'{above}\n#text(17pt, weight: "bold", {quoted(heading)})\n'
            f"#table(columns: (1fr, 90pt, 90pt, 90pt), stroke: 0.4pt, {cells})\n"
            f"#{quoted(_total(piece, sheet))}\n\n#text(7.5pt, note)\n\n"
            f"#text(7.5pt, notice)\n\n#text(7.5pt, {quoted(_foot(piece, sheet))})\n"
            "#pagebreak(weak: true)\n"
        )

    def work() -> bytes:
        parts = [
            '#set page(width: 612pt, height: 792pt)\n#set text(font: "Noto Sans", size: 9.5pt)\n'
            f"#let note = {quoted(_NOTE)}\n#let notice = {quoted(_NOTICE)}\n"
        ]
        for piece in pieces:
            parts += [side(piece, *each) for each in _sides(piece)]
        return compiler.compile("".join(parts).encode(), font_paths=[str(folder)])

    return work, "2-D codes given as pictures, no IMb"


def weasyprint(pieces: list[dict], folder: Path) -> tuple[Callable[[], bytes], str]:
    """WeasyPrint, a table per side; without barcodes."""
    from weasyprint import HTML

    def table(rows: list[tuple]) -> str:
        return "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)

    def side(piece: dict, heading: str, rows: list[tuple], sheet: int) -> str:
        above = "".join(f"<div>{escape(line)}</div>" for line in _head(piece, sheet))
        return (
            f'<section><img src="{piece["pictures"][sheet - 1]}">{above}<h1>{escape(heading)}</h1>'
            f"<table>{table(rows)}</table><div>{_total(piece, sheet)}</div><p class=s>{_NOTE}</p>"
            f"<p class=s>{escape(_NOTICE)}</p><p class=s>{escape(_foot(piece, sheet))}</p></section>"
        )

    def work() -> bytes:
        parts = [
            f"<style>@font-face{{font-family:N;src:url(file://{folder}/NotoSans-Regular.ttf)}}"
            f"@font-face{{font-family:N;font-weight:bold;src:url(file://{folder}/NotoSans-Bold.ttf)}}"
            "@page{size:612pt 792pt;margin:36pt}body{font:9.5pt N}.s{font-size:7.5pt}h1{font-size:17pt}"
            "section{page-break-after:always}img{width:9mm}td{border-bottom:0.4pt solid grey}</style>"
        ]
        for piece in pieces:
            parts += [side(piece, *each) for each in _sides(piece)]
        return HTML(string="".join(parts)).write_pdf()

    return work, "2-D codes given as pictures, no IMb"


_PEERS = {"platypus": platypus, "typst": typst, "weasyprint": weasyprint}

if __name__ == "__main__":
    sys.exit(main())
