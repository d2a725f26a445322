"""Intelligent Mail barcodes in a batch: only with a mailer id, each serial once, the same on a reprint."""

import csv
from dataclasses import replace

import pytest

from distribution.channels.paper import intelligent_mail
from distribution.errors import UsageError
from distribution.jobs import print_batches
from distribution.jobs.wiring import Line
from distribution.ledger import batches
from distribution.settings import load
from tests.support import paper_night, records

SET = {"mailer_id": "912345678", "imb_service_type": "300"}


def printed(line: Line, **settings: object) -> list[dict[str, str]]:
    """The manifest's rows of what was owed."""
    line = replace(line, settings=line.settings.model_copy(update=settings))
    outcome = print_batches.print_batches(line, run_id=paper_night.a_run(line), on=paper_night.NIGHT)
    rows = []
    for batch_id in outcome.batches:
        text = (line.settings.paper_outbox / f"{batch_id}-manifest.csv").read_text("utf-8")
        rows += list(csv.DictReader(text.splitlines()))
    return rows


def owe(line: Line, code: str, **address: str) -> None:
    given = {"city": "Cedar Falls", "state": "IA", "postal_code": "50613-0001", "address_1": "1 Main Street"}
    with line.connect() as conn:
        named = {"kind": "college", "delivery_method": "paper", "attention": "Registrar"}
        records.institution(conn, code, **{**named, **given, **address})
        version = records.result(conn, f"R-{code}", candidate_id=f"C-{code}")
        records.owe(conn, version, code, channel="paper")


def test_without_a_mailer_id_the_column_stays_empty(line):
    owe(line, "4471")
    assert [row["imb"] for row in printed(line)] == [""]


def test_each_piece_has_its_own_serial_number_and_its_zip_code(line):
    owe(line, "4471")
    owe(line, "4472", postal_code="10001")
    codes = [row["imb"] for row in printed(line, **SET)]
    assert [code[:14] for code in codes] == ["00300912345678"] * 2
    assert len({code[14:20] for code in codes}) == 2
    assert sorted(code[20:] for code in codes) == ["10001", "506130001"]
    for code in codes:
        intelligent_mail.check(code)
    owe(line, "4473")
    (later,) = [row["imb"] for row in printed(line, **SET)]
    assert later[14:20] not in {code[14:20] for code in codes}


def test_mail_abroad_and_an_address_of_seven_lines_go_without(line):
    owe(line, "4471", country="AT", state="", city="Wien", postal_code="1010")
    owe(
        line,
        "4472",
        name="Escuela Superior de Enfermería y Ciencias de la Salud Nuestra Señora de la Providencia",
        address_1="Avenida Ponce de León 1801, Edificio de Servicios al Estudiante, Tercer Piso, Oficina 311",
        address_2="Urbanización Industrial",
    )
    assert [row["imb"] for row in printed(line, **SET)] == ["", ""]


def test_a_batch_written_again_carries_the_same_codes(line):
    owe(line, "4471")
    (row,) = printed(line, **SET)
    before = {path.name: path.read_bytes() for path in line.settings.paper_outbox.iterdir()}
    for path in line.settings.paper_outbox.iterdir():
        path.unlink()
    print_batches.render_again(line, row["batch"])
    assert {path.name: path.read_bytes() for path in line.settings.paper_outbox.iterdir()} == before


def test_a_plan_that_is_rolled_back_has_used_no_serial_number(line, monkeypatch):
    owe(line, "4471")
    owe(line, "4472", postal_code="10001")
    with monkeypatch.context() as broken:
        broken.setattr(batches, "plan", _power_cut)
        with pytest.raises(OSError, match="power cut"):
            printed(line, **SET)
    assert [row["imb"][14:20] for row in printed(line, **SET)] == ["000001", "000002"]


def _power_cut(*_given: object, **_named: object) -> None:
    raise OSError("power cut")


def test_a_mailer_id_without_a_service_type_says_what_to_set(line):
    owe(line, "4471")
    with pytest.raises(UsageError, match="DISTRIBUTION_IMB_SERVICE_TYPE"):
        printed(line, mailer_id="123456")
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM ledger.batch").fetchone() == (0,)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("mailer_id", "12345"), ("mailer_id", "912345"), ("imb_service_type", "30"), ("imb_barcode_id", "05")],
)
def test_a_wrong_number_is_refused_before_anything_runs(setting, value):
    with pytest.raises(UsageError, match=f"DISTRIBUTION_{setting.upper()}"):
        load(**{setting: value})
