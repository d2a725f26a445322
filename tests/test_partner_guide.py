"""The guide for institutions says what the layouts say, and its samples have no fault."""

import json
import re

import pytest

from distribution.channels.electronic import acknowledgement, reader, record_layout
from tools import partner_guide

GUIDE = partner_guide.TARGET.read_text("utf-8")


def test_the_tables_are_those_that_the_layouts_give() -> None:
    assert partner_guide.page(GUIDE) == GUIDE, "run: make docs"


def test_the_samples_are_those_that_the_layouts_give() -> None:
    there = {path.name: path.read_bytes() for path in partner_guide.SAMPLES.iterdir()}
    assert there == partner_guide.samples(), "run: make docs"


@pytest.mark.parametrize("layout", record_layout.names())
def test_each_sample_has_no_fault_and_only_invented_people(layout: str) -> None:
    files = partner_guide.samples()
    data = next(content for name, content in files.items() if name.startswith(f"{layout}.sample."))
    reading = reader.check(data, sidecar=files.get(f"{layout}.control.json"), layout=layout)
    assert (reading.results, reading.faults) == (5, ())
    assert data.count(b"ZZTEST") >= 4


def test_onboarding_has_six_steps_and_each_vendor_its_recipe() -> None:
    steps = GUIDE.partition("## In six steps")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. \*\*", steps, re.MULTILINE) == list("123456")
    assert [name for name in ("Banner", "PeopleSoft", "Slate") if f"### {name}" not in GUIDE] == []


def test_the_acknowledgement_of_the_guide_can_be_read() -> None:
    stated = re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert stated is not None
    said = acknowledgement.parse(json.dumps(json.loads(stated[1])).encode())
    assert (said.file, said.not_loaded) == ("CLEP_4471_20261123_000231.txt", 1)
