"""`layout`: what stands where in the electronic files, for people and for partners' programmers."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from distribution.cli.output import JsonOption, Table, emit, list_document

app = typer.Typer(help="Layouts of the electronic files.", no_args_is_help=True)
LayoutArgument = Annotated[str, typer.Argument(metavar="L", help="A layout, such as fixed-1.")]
_FAULTY = 2


@app.command("list")
def list_layouts(as_json: JsonOption = False) -> None:
    """The layouts that an institution can choose."""
    from distribution.jobs import layouts

    found = layouts.list_layouts()
    columns = ("layout", "version", "kind", "extension", "control")
    rows = [[each[column] for column in columns] for each in found]
    emit(
        list_document("layouts", found),
        as_json=as_json,
        table=Table(columns, rows, empty="No layout on file."),
    )


@app.command()
def spec(
    name: LayoutArgument,
    form: Annotated[str, typer.Option("--format", help="markdown, html or csv.")] = "markdown",
    as_json: JsonOption = False,
) -> None:
    """All that is needed to write a reader: a page for people, or one JSON document."""
    from distribution.jobs import layouts

    if as_json:
        emit(layouts.spec(name), as_json=True)
        return
    typer.echo(layouts.spec_text(name, form), nl=False)


@app.command()
def sample(
    name: LayoutArgument,
    control: Annotated[
        bool, typer.Option("--control", help="The control file that stands beside the data file.")
    ] = False,
) -> None:
    """A file with invented people, byte for byte as it would be sent (in clear)."""
    from distribution.jobs import layouts

    sys.stdout.buffer.write(layouts.sample_bytes(name, sidecar=control))
    sys.stdout.buffer.flush()


@app.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="L1", help="A layout.")],
    other: Annotated[str, typer.Argument(metavar="L2", help="The layout that would take its place.")],
    as_json: JsonOption = False,
) -> None:
    """What a reader of L1 must change to read L2."""
    from distribution.jobs import layouts

    document = layouts.diff(one, other)
    rows = [
        [each["record"], each["field"], each["what"], *map(_shown, (each["one"], each["other"]))]
        for each in document["differences"]
    ]
    empty = f"{one} and {other} do not differ."
    emit(document, as_json=as_json, table=Table(("record", "field", "what", one, other), rows, empty=empty))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['times']} times, every {value['length']}"
    return "–" if value is None else str(value)


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A score file; its CTL_… file is read if beside it.")
    ],
    layout: Annotated[str | None, typer.Option("--layout", help="Where the file does not say it.")] = None,
    control: Annotated[
        Path | None, typer.Option("--control", help="Its control file, where it bears another name.")
    ] = None,
    encoding: Annotated[str, typer.Option("--encoding", help="utf-8, latin-1 or ascii.")] = "utf-8",
    as_json: JsonOption = False,
) -> None:
    """Say line and column of each fault of a file; exit 2 when there is one."""
    from distribution.jobs import layouts

    document = layouts.check_file(file, layout=layout, encoding=encoding, control=control)
    emit(document, as_json=as_json, lines=lambda: _check_lines(document))
    if document["faults"]:
        raise typer.Exit(_FAULTY)


def _check_lines(document: Mapping[str, Any]) -> Iterator[str]:
    for fault in document["faults"]:
        field = f"{fault['field']}: " if fault["field"] else ""
        place = f"line {fault['line']}, column {fault['column']}" if fault["line"] else "control file"
        yield f"{document['file']}: {place}: {field}{fault['fault']}"
    if not document["faults"]:
        yield f"{document['file']}: {document['details']} records of layout {document['layout']}, no fault."
    if not document["control_checked"]:
        yield (
            f"{document['file']}: control not checked: there is no trailer and no CTL_… file beside it "
            "(--control FILE). Whole records may be missing."
        )
