"""Readers written from the specification alone find every field of every file, and no stray row.

A sample runs with every change; all 10,000 results run under `make proof`.
"""

import itertools
import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from distribution.channels.electronic import encryption, record_layout, score_file
from distribution.channels.electronic.record_layout import Control, LayoutKind
from distribution.channels.electronic.score_file import Form, Header, ScoreFile
from distribution.cli.app import main
from distribution.filenames import electronic_file
from tests.support import mixed_results, partner_readers, pgp
from tests.support.partner_readers import Record, Spec

SEED = 20261123
CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LAYOUTS = record_layout.names()
FILES_EACH = 3  # numbers that each institution gets
KEY = ("result_id", "revision")


def spec_of(layout: str, capsys: pytest.CaptureFixture[str]) -> Spec:
    assert main(["layout", "spec", layout, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def files_of(frame: pd.DataFrame, form: Form) -> list[tuple[str, ScoreFile]]:
    """Each institution's deliveries in a few files, in the order of their numbers."""
    made = []
    for di, group in frame.groupby("recipient", sort=True):
        share = -(-len(group) // FILES_EACH)
        for number in range(FILES_EACH):
            part = group.iloc[number * share : (number + 1) * share].reset_index(drop=True)
            lines = score_file.format_details(part, form)
            assert not lines.too_long.any()
            header = Header(str(di), number + 1, number, CREATED, "NEW")
            made.append((str(di), score_file.compose(header, lines, form)))
    return made


def read(spec: Spec, made: ScoreFile, form: Form) -> dict[str, list[Record]]:
    if spec["kind"] == "fixed":
        return partner_readers.fixed_width(spec, made.data, form.encoding, form.line_end)
    if form.is_inline:
        return partner_readers.delimited_with_control(spec, made.data, form.encoding)
    return partner_readers.delimited(spec, made.data, form.encoding)


def headers(made: list[tuple[str, ScoreFile]], spec: Spec, form: Form, di: str) -> list[Record]:
    """What the files of one institution say of themselves, inside or beside them."""
    mine = [each for code, each in made if code == di]
    if form.is_inline:
        return [read(spec, each, form)["H"][0] for each in mine]
    said = [json.loads(each.sidecar or b"") for each in mine]
    return [{key: "" if value is None else str(value) for key, value in each.items()} for each in said]


def compare(layout: str, control: Control, count: int, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """Read the files of `count` mixed results back. Returns how many cells were compared, how many differ."""
    spec, loaded = spec_of(layout, capsys), record_layout.load(layout)
    form = Form(layout=loaded, control=control)
    frame = mixed_results.results(count, seed=SEED)
    made = files_of(frame, form)
    found = [(made_one, read(spec, made_one, form)) for _, made_one in made]
    assert all(
        partner_readers.totals_agree(each, one.data, one.sidecar, form.line_end) for one, each in found
    )
    names = [field["name"] for field in spec["records"]["D"] if field["name"] not in ("record", "filler")]
    records = sorted((tuple(record[name] for name in names) for _, each in found for record in each["D"]))
    wanted = sorted(tuple(row[name] for name in names) for row in mixed_results.expected(frame))
    differing = sum(
        one != other
        for record, row in zip(records, wanted, strict=True)
        for one, other in zip(record, row, strict=True)
    )
    for di in frame["recipient"].unique():
        whole = headers(made, spec, form, di)
        assert partner_readers.gaps(whole) == []
        assert partner_readers.gaps([whole[0], whole[2]]) == [2]
        assert partner_readers.gaps(whole[1:]) == [1]
    return len(records) * len(names), differing


EVERY_FORM = list(itertools.product(LAYOUTS, Control))


@pytest.mark.parametrize(("layout", "control"), EVERY_FORM)
def test_every_field_of_a_sample_is_read_back(
    layout: str, control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    compared, differing = compare(layout, control, 400, capsys)
    assert compared > 400 * 20
    assert differing == 0


@pytest.mark.parametrize("wrong", ["details", "results", "score_total", "sha256"])
@pytest.mark.parametrize("control", Control)
def test_a_total_that_does_not_agree_is_seen(
    control: Control, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    form = Form(layout=record_layout.load("wide"), control=control)
    made = files_of(mixed_results.results(200, seed=SEED, institutions=1), form)[0][1]
    found = read(spec_of("wide", capsys), made, form)
    assert len({record["line"] for record in found["D"]}) < len(found["D"])
    assert partner_readers.totals_agree(found, made.data, made.sidecar, form.line_end)
    sidecar = made.sidecar
    if form.is_inline:
        found["T"][0][wrong] = other(found["T"][0][wrong])
    else:
        said = json.loads(made.sidecar or b"")
        sidecar = json.dumps(said | {wrong: other(said[wrong])}).encode()
    assert not partner_readers.totals_agree(found, made.data, sidecar, form.line_end)


def other(total: str | int) -> str | int:
    """A total one off; a hash of something else."""
    return str(total)[::-1] if len(str(total)) == 64 else type(total)(int(total) + 1)


@pytest.mark.proof
def test_every_field_of_10000_results_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    cells = {form: compare(*form, 10_000, capsys) for form in EVERY_FORM}
    with capsys.disabled():
        print("\nlayout     control   results      cells   differing")  # noqa: T201
        for (layout, control), (compared, differing) in cells.items():
            print(f"{layout:10} {control:8} {10_000:8,} {compared:10,} {differing:11,}")  # noqa: T201
    assert sum(differing for _, differing in cells.values()) == 0


def test_a_fixed_file_with_its_control_beside_it_has_one_width_and_nothing_but_records() -> None:
    frame = mixed_results.results(50, seed=SEED)
    for layout in ("fixed-1", "wide", "flat-pgp"):
        form = Form(layout=record_layout.load(layout), control=Control.SIDECAR)
        lines = files_of(frame, form)[0][1].data.decode().split("\r\n")[:-1]
        assert {line[0] for line in lines} == {"D"}
        assert len({len(line) for line in lines}) == 1


def test_a_short_name_fits_where_a_loader_takes_thirty_characters_of_path() -> None:
    # Banner's load takes a path of at most 30 characters.
    name = electronic_file(
        prefix="CLEP", di="4471", day=CREATED.date(), sequence=231, extension="txt", pattern="C{di}{seq}.dat"
    )
    assert len(f"/home/banner/{name}") <= 30


def test_what_is_decrypted_reads_like_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    partner = pgp.modern()
    key = encryption.read_key(partner.public)
    form = Form(layout=record_layout.load("flat-pgp"), control=Control.INLINE)
    frame = mixed_results.results(60, seed=SEED, institutions=1)
    made = score_file.compose(
        Header("4400", 1, 0, CREATED, "NEW"),
        score_file.format_details(frame, form),
        form,
        seal=lambda content: encryption.encrypt(content, key, di="4400", at=CREATED),
    )
    found = partner_readers.fixed_width(spec_of("flat-pgp", capsys), partner.open(made.data))
    assert len(found["D"]) == 60


def test_each_reader_is_short_and_knows_nothing_of_the_project() -> None:
    source = open(partner_readers.__file__, encoding="utf-8").read()  # noqa: SIM115
    assert "distribution" not in source
    _, _, readers = source.partition("Record = ")
    fixed, _, rest = readers.partition("def delimited(")
    delimited, _, _ = rest.partition("def totals_agree")
    assert max(len(fixed.splitlines()), len(delimited.splitlines())) <= 60


def test_layouts_of_both_kinds_are_read() -> None:
    assert {record_layout.load(name).kind for name in LAYOUTS} == set(LayoutKind)
