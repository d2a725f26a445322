"""`batch printed … returned`: what the mailroom says of its batches, and pieces printed again."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distribution.cli.output import JsonOption, emit
from distribution.errors import UsageError

if TYPE_CHECKING:
    from distribution.jobs.batch_life import Returned, Step

BatchArgument = Annotated[
    str, typer.Argument(metavar="B", parser=str.upper, help="Batch id, such as PB-20261123-A.")
]
PiecesArgument = Annotated[
    list[str],
    typer.Argument(metavar="PIECE…", help="Piece numbers and ranges, 0007 0118-0121, or sheets' codes."),
]
ScansArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PIECE…", help="PB-20261123-A 0118, or the code of any sheet; - reads scans from the input."
    ),
]
SheetsOption = Annotated[int, typer.Option("--sheets", help="The sheets that were counted.")]
PiecesOption = Annotated[int, typer.Option("--pieces", help="The pieces that were counted.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]


def printed(
    batch_id: BatchArgument, sheets: SheetsOption, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Say that a batch is printed, and how many sheets were counted."""
    from distribution.jobs import batch_life, wiring

    step = batch_life.printed(wiring.open_line(), batch_id, sheets=sheets, dry_run=dry_run)
    _emit_step(step, "printed", dry_run=dry_run, as_json=as_json)


def inserted(
    batch_id: BatchArgument, pieces: PiecesOption, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Say that a batch lies in its envelopes, and how many were counted."""
    from distribution.jobs import batch_life, wiring

    step = batch_life.inserted(wiring.open_line(), batch_id, pieces=pieces, dry_run=dry_run)
    _emit_step(step, "inserted", dry_run=dry_run, as_json=as_json)


def mailed(
    batch_id: BatchArgument, pieces: PiecesOption, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Close a batch: the carrier has all of it, so its scores are delivered."""
    from distribution.jobs import batch_life, wiring

    step = batch_life.mailed(wiring.open_line(), batch_id, pieces=pieces, dry_run=dry_run)
    _emit_step(step, "mailed", dry_run=dry_run, as_json=as_json)


def _emit_step(step: "Step", said: str, *, dry_run: bool, as_json: bool) -> None:
    document = {
        "schema_version": 1,
        "id": step.batch_id,
        "state": step.state,
        "counted": step.counted,
        "said_before": step.said_before,
        "delivered": step.reports,
        "next": step.next,
        "dry_run": dry_run,
    }
    emit(document, as_json=as_json, lines=lambda: _step_lines(step, said, dry_run=dry_run))


def _step_lines(step: "Step", said: str, *, dry_run: bool) -> Iterator[str]:
    if step.said_before:
        now = f"; it is {step.state} now" if step.state != said else ""
        yield f"{step.batch_id} was {said} already{now}. Nothing was changed."
    else:
        unit = "sheet" if said == "printed" else "piece"
        yield f"{step.batch_id} {_be(1, dry_run)} {said}: {_counted(step.counted, unit)}."
    if step.reports:
        yield f"{_counted(step.reports, 'score')} {_be(step.reports, dry_run)} delivered."
    if step.next:
        yield f"Next: {step.next}"


def _be(number: int, dry_run: bool) -> str:
    return "would be" if dry_run else "is" if number == 1 else "are"


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def spoiled(
    batch_id: BatchArgument,
    pieces: PiecesArgument,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Mark pieces as spoiled: they must be printed again before the batch can be mailed."""
    from distribution.jobs import batch_life, wiring
    from distribution.jobs.piece_names import listed

    found = batch_life.spoiled(wiring.open_line(), batch_id, pieces, dry_run=dry_run)
    document = {
        "schema_version": 1,
        "id": batch_id,
        "spoiled": _numbers(found.pieces),
        "said_before": found.before,
        "older_copies": _numbers(tuple(found.older)),
        "next": found.next,
        "dry_run": dry_run,
    }

    def lines() -> Iterator[str]:
        number = len(found.pieces)
        verb, them = _be(number, dry_run), "it" if number == 1 else "them"
        yield f"{batch_id}: {_counted(number, 'piece')} {verb} spoiled: {listed(found.pieces)}. Shred {them}."
        if found.before:
            yield f"{found.before} of them {'was' if found.before == 1 else 'were'} marked already."
        for piece, mark in found.older.items():
            yield (
                f"{piece:04d}: this was an older copy. Its newest, {piece:04d} R{mark}, {_be(1, dry_run)} "
                "spoiled with it: shred both."
            )
        yield f"Next: {found.next}"

    emit(document, as_json=as_json, lines=lines)


def reprint(
    batch_id: BatchArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record; no student's name.")],
    pieces: Annotated[
        list[str] | None, typer.Argument(metavar="PIECE[-PIECE]", help="0118, or several: 0118-0121.")
    ] = None,
    from_piece: Annotated[
        str | None, typer.Option("--from", metavar="PIECE", help="The rest of the batch, from this piece on.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print pieces again, marked R1, R2, into a file of their own."""
    from distribution.jobs import reprint_pieces, wiring
    from distribution.jobs.piece_names import listed

    found = reprint_pieces.reprint(
        wiring.open_line(),
        batch_id,
        words=pieces or (),
        from_piece=from_piece,
        reason=reason,
        dry_run=dry_run,
    )
    marks = " ".join(dict.fromkeys(f"R{generation}" for generation in found.generations))
    document = {
        "schema_version": 1,
        "id": batch_id,
        "name": found.name,
        "pieces": _numbers(found.pieces),
        "marks": [f"R{generation}" for generation in found.generations],
        "sheets": found.sheets,
        "pdf": found.path,
        "manifest": found.manifest,
        "pdf_sha256": found.sha256,
        "said_before": found.said_before,
        "next": found.next,
        "dry_run": dry_run,
    }

    def lines() -> Iterator[str]:
        if found.said_before:
            yield f"{found.name} was asked for before; it is the same file. Is one of these damaged too?"
            yield f"Then first: batch spoiled {batch_id} PIECE."
        sheets = "would be" if dry_run else f"{_counted(found.sheets, 'sheet')} to be"
        yield f"{batch_id} {listed(found.pieces)}: {sheets} printed again, marked {marks}."
        yield str(found.path)
        yield str(found.manifest)
        if not dry_run:
            yield "Shred every older copy of these pieces; an envelope holds the newest mark only."
            yield f"Next: {found.next}"

    emit(document, as_json=as_json, lines=lines)


def returned(
    pieces: ScansArgument,
    mailed_again: Annotated[
        bool,
        typer.Option("--mailed-again", help="The address was right: the same envelope has gone out again."),
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Book envelopes that the carrier brought back; their address waits until it is stated anew."""
    from distribution.jobs import batch_life, wiring

    work = batch_life.mailed_again if mailed_again else batch_life.returned
    found = work(wiring.open_line(), _scans(pieces), dry_run=dry_run)
    document = {
        "schema_version": 1,
        "returned" if not mailed_again else "mailed_again": [
            {**asdict(each), "pieces": _numbers(each.pieces)} for each in found
        ],
        "dry_run": dry_run,
    }
    emit(document, as_json=as_json, lines=lambda: _returned_lines(found, again=mailed_again, dry_run=dry_run))


def _returned_lines(found: "Sequence[Returned]", *, again: bool, dry_run: bool) -> Iterator[str]:
    from distribution.jobs.piece_names import listed

    what = "mailed again" if again else "returned"
    for each in found:
        pieces = f"{each.batch_id} {listed(each.pieces)}"
        if each.before == len(each.pieces):
            yield f"{pieces}: booked as {what} already. Nothing was changed."
            continue
        verb = _be(len(each.pieces), dry_run)
        yield f"{pieces} {verb} {what}: {_counted(each.reports, 'score')}."
        if each.before:
            yield f"{each.before} of them {'was' if each.before == 1 else 'were'} booked already."
        if not again:
            yield from _after_return(each)


def _after_return(returned: "Returned") -> Iterator[str]:
    yield (
        f"Next: ask {', '.join(returned.institutions)} for the postal address. It comes in an institutions "
        "feed, with a valid_from after today; the run of that day prints the scores again. Then shred the "
        "envelope."
    )
    yield (
        f"Is the address on it right? Mail it once more and say so: "
        f"batch returned {returned.batch_id} {returned.pieces[0]:04d} --mailed-again."
    )


def _scans(words: Sequence[str]) -> list[str]:
    """The words, or with `-` what a scanner types, a line each."""
    if list(words) != ["-"]:
        return list(words)
    lines = [line.strip() for line in sys.stdin if line.strip()]
    if not lines:
        raise UsageError("Nothing was scanned.")
    return lines


def _numbers(pieces: Sequence[int]) -> list[Any]:
    return [f"{piece:04d}" for piece in pieces]


def add_to(app: typer.Typer) -> None:
    """Give the noun `batch` these verbs."""
    for verb in (printed, inserted, mailed, spoiled, reprint, returned):
        app.command(verb.__name__)(verb)
