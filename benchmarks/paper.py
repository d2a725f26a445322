"""Score reports as PDF: our pieces beside reportlab's platypus, typst and WeasyPrint on the same content.

python benchmarks/paper.py [--sides 5000] [--scale 100000] [--profile]

A side is a printed side: the blank backs that a duplex file carries are in its bytes, not in the count. Every
method runs in a process of its own; CPU seconds are those of the work, without imports.
"""

import argparse
import base64
import cProfile
import io
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image

from distribution.channels.paper import addresses, barcodes, fonts, intelligent_mail, layout, print_batch
from distribution.channels.paper.content import LineKind, Piece, ScoreLine, Student
from distribution.channels.paper.geometry import PAGES_PER_SHEET
from distribution.model import PostalAddress
from distribution.routing.batching import MOST_PAGES

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).with_name("paper_peers.py")
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
# How many sides each peer sets, and how many times fewer than ours it may do: performance is told per side.
PEER_SIDES = {"platypus": 1_000, "typst": 1_000, "weasyprint": 60}
FLOORS = {"platypus": 8, "typst": 5, "weasyprint": 100}
_STUDENTS = 5
_RUNS = 3
_NAMES = (
    "Nguyễn, Thị Minh",
    "Wiśniewski, Łukasz",
    "Παπαδοπούλου, Ελένη",
    "Иванов, Дмитрий Сергеевич",
    "O'Brien, Seán",
    "Smith-Jones, Alexandra Beatrice",
    "García Márquez, José",
)
_TITLES = (
    "College Mathematics",
    "Western Civilization II: 1648 to the Present",
    "Introductory Psychology",
    "Human Growth and Development",
    "American Literature",
)


def main() -> int:
    options = _options()
    if options.measure:
        sys.stdout.write(json.dumps(_measured(options.measure, profile=options.profile)) + "\n")
        return 0
    runs = [_ours(options.sides) for _ in range(_RUNS)]
    rate = statistics.median(run["sides"] / run["cpu"] for run in runs)
    _row("sides", "sides/CPU s", "bytes/side", "peak MB", "faster")
    _row(f"{runs[0]['sides']:,}", f"{rate:,.0f}", f"{_each(runs[0]):,.0f}", _peak(runs[0]), "", "our pieces")
    for peer, sides in PEER_SIDES.items():
        _print_peer(peer, sides, rate)
    large = _ours(options.scale)
    told = f"our pieces, {large['files']} files in one process"
    _row(
        f"{large['sides']:,}",
        f"{large['sides'] / large['cpu']:,.0f}",
        f"{_each(large):,.0f}",
        _peak(large),
        "",
        told,
    )
    if options.profile:
        _measured(options.sides, profile=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, default=MOST_PAGES // PAGES_PER_SHEET)
    parser.add_argument("--scale", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true", help="print where the time of our pieces goes")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


# Ours -------------------------------------------------------------------------------------------------------
def _ours(sides: int) -> dict:
    command = [sys.executable, __file__, "--measure", str(sides)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def _measured(sides: int, *, profile: bool = False) -> dict:
    """Set that many sides as batches of at most 10,000 pages: names checked, planned, set, coded, written."""
    fonts.covered()  # what a process does once
    profiler = cProfile.Profile()
    done = size = files = 0
    began = time.process_time()
    if profile:
        profiler.enable()
    for pieces in _batches(sides):
        printed = _set(pieces)
        done += sum(1 + len(piece.students) for piece in pieces)
        size += len(printed.pdf)
        files += 1
    profiler.disable()
    cpu = time.process_time() - began
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"sides": done, "cpu": cpu, "bytes": size, "files": files, "peak": peak}


def _set(pieces: list[Piece]) -> print_batch.Printed:
    """One batch, with all that is done to a piece from its words to its bytes."""
    students = [student for piece in pieces for student in piece.students]
    if fonts.uncovered([student.name for student in students]):
        raise SystemExit("a name cannot be set")
    if any(addresses.fault_of(piece.address) for piece in pieces):
        raise SystemExit("an address cannot be set")
    stock, sheets = layout.plan(pieces[0])
    ticket = print_batch.Ticket(
        batch_id="PB-20261123-A",
        run_id="",
        business_date=date(2026, 11, 23),
        created_at=datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        stock=stock,
        sheets_per_piece=len(sheets),
        international=False,
    )
    return print_batch.print_batch(ticket, pieces, return_address=["CLEP Score Reports", "PO Box 0000"])


def _batches(sides: int) -> Iterator[list[Piece]]:
    most = MOST_PAGES // PAGES_PER_SHEET // (1 + _STUDENTS)
    wanted = max(1, sides // (1 + _STUDENTS))
    for first in range(0, wanted, most):
        yield [_piece(number, number - first + 1) for number in range(first, min(first + most, wanted))]


def _piece(number: int, place: int) -> Piece:
    """An address and roster sheet and five students' reports; every seventh student has two scores."""
    mailer = intelligent_mail.Mailer("00", "300", "123456")
    address = PostalAddress(
        name=f"North Valley State University {number % 4000}",
        attention="Office of the Registrar",
        address_1=f"{number} Founders Hall",
        address_2="Suite 14",
        city="Cedar Falls",
        state="IA",
        postal_code=f"{50_000 + number % 9_999:05d}-{number % 10_000:04d}",
    )
    first = number * _STUDENTS
    return Piece(
        di=f"{number % 10_000:04d}",
        address=address,
        students=tuple(_student(first + student) for student in range(_STUDENTS)),
        number=place,
        imb=mailer.digits(serial=number, routing=intelligent_mail.routing_of(address.postal_code)),
    )


def _student(number: int) -> Student:
    lines = tuple(
        ScoreLine(
            delivery_id=number,
            kind=LineKind.SCORE,
            title=_TITLES[(number + score) % len(_TITLES)],
            test_date="2026-11-14",
            score=str(20 + (7 * number + score) % 61),
            credits="3",
            essays=number % 9 == 0,
            other_name="",
        )
        for score in range(2 if number % 7 == 0 else 1)
    )
    return Student(f"{number:09d}", f"{_NAMES[number % len(_NAMES)]} {number}", "", lines)


# The others -------------------------------------------------------------------------------------------------
def _print_peer(peer: str, sides: int, rate: float) -> None:
    python = sys.executable if peer == "platypus" else str(BENCH_PYTHON)
    if not Path(python).exists():
        sys.stdout.write(f"{peer} is not installed: `make bench-paper` installs it into .venv-bench\n")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json") as content:
        json.dump(_as_plain(next(_batches(sides))[: sides // (1 + _STUDENTS)]), content)
        content.flush()
        command = [python, str(PEERS), peer, content.name, str(fonts.FOLDER)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.stdout.write(f"{peer} failed: {done.stderr.strip().splitlines()[-1]}\n")
        return
    run = json.loads(done.stdout)
    times = rate / (run["sides"] / run["cpu"])
    _row(
        f"{run['sides']:,}",
        f"{run['sides'] / run['cpu']:,.0f}",
        f"{_each(run):,.0f}",
        _peak(run),
        f"{times:,.1f}",
        f"{peer} ({run['lacks']}); we are to be {FLOORS[peer]} times as fast",
    )


def _as_plain(pieces: list[Piece]) -> list[dict]:
    """The content as the peers read it."""
    return [
        {
            "piece": piece.number,
            "di": piece.di,
            "imb": piece.imb,
            "address": addresses.lines_of(piece.address),
            **_code_pictures(piece),
            "students": [
                {
                    "id": student.candidate_id,
                    "name": student.name,
                    "lines": [
                        (line.title, line.test_date, line.score, line.credits) for line in student.lines
                    ],
                }
                for student in piece.students
            ],
        }
        for piece in pieces
    ]


def _code_pictures(piece: Piece) -> dict:
    """The 2-D codes of a piece as grey values and as pictures, for peers that cannot draw one."""
    codes, pictures = [], []
    of = 1 + len(piece.students)
    for sheet in range(1, of + 1):
        words = barcodes.sheet_code(batch_id="PB-20261123-A", piece=piece.number, sheet=sheet, of=of)
        code = zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.DataMatrix)
        grey = np.asarray(code.to_image(scale=1))
        target = io.BytesIO()
        Image.fromarray(grey).save(target, "png")
        codes.append(grey.ravel().tolist())
        pictures.append(f"data:image/png;base64,{base64.b64encode(target.getvalue()).decode()}")
    return {"codes": codes, "pictures": pictures}


def _each(run: dict) -> float:
    return run["bytes"] / run["sides"]


def _peak(run: dict) -> str:
    return f"{run['peak']:,.0f}"


def _row(sides: str, rate: str, size: str, peak: str, times: str, what: str = "") -> None:
    sys.stdout.write(f"{sides:>9} {rate:>12} {size:>11} {peak:>8} {times:>7}  {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
