"""The guide for institutions says what the layouts say, and its samples have no fault."""

import json
import re

import pytest

from distribution.channels.electronic import acknowledgement, reader, record_layout
from distribution.jobs import endpoint_yaml
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


def test_onboarding_has_six_steps() -> None:
    steps = GUIDE.partition("## In six steps")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. \*\*", steps, re.MULTILINE) == list("123456")


RECIPES = {
    # Banner's test scores (SORTEST) are kept by person, test and date.
    "Banner": ({"wide", "fixed-1"}, {"sidecar"}, {"candidate_id", "exam_code", "test_date", "result_id"}),
    "PeopleSoft Campus Solutions": ({"csv-1", "fixed-1"}, {"sidecar", "inline"}, {"result_id"}),
    "Slate": ({"csv-1"}, {"sidecar"}, {"result_id"}),
}


def recipe_of(vendor: str) -> str:
    return re.split(r"\n##", GUIDE.partition(f"\n### {vendor}\n")[2])[0]


@pytest.mark.parametrize("vendor", RECIPES)
def test_a_recipe_names_layout_control_and_key_columns_as_they_are(vendor: str) -> None:
    recipe = recipe_of(vendor)
    layouts, controls, key = RECIPES[vendor]
    assert set(re.findall(r"`layout: ([^`]+)`", recipe)) == layouts
    assert set(re.findall(r"`control: ([^`]+)`", recipe)) == controls
    columns = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", recipe))
    assert key | {"revision"} <= columns
    for layout in layouts:
        details = record_layout.spec(record_layout.load(layout))["records"]["D"]
        assert columns <= {field["name"] for field in details}, "each column stands in the layout"


@pytest.mark.parametrize("vendor", RECIPES)
def test_what_a_recipe_asks_for_can_be_loaded_as_an_endpoint(vendor: str) -> None:
    asked = re.findall(
        r"`layout: ([^`]+)`(?: or `layout: ([^`]+)`)?\s+with\s+`control: ([^`]+)`", recipe_of(vendor)
    )
    assert asked
    names = re.findall(r"`file_name: ([^`]+)`", recipe_of(vendor))
    for *layouts, control in asked:
        for layout in filter(None, layouts):
            more = [
                f"  layout: {layout}",
                f"  control: {control}",
                *(f"  file_name: {name}" for name in names),
            ]
            (found,) = endpoint_yaml.parse("\n".join([ENDPOINT, *more]))
            assert (found.layout, found.control) == (layout, control)


ENDPOINT = """endpoints:
- code: "4471"
  host: sftp.example.edu
  username: clep
  directory: /inbox
  host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
  credential: di-4471"""


def test_the_acknowledgement_of_the_guide_can_be_read() -> None:
    stated = re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert stated is not None
    said = acknowledgement.parse(json.dumps(json.loads(stated[1])).encode())
    assert (said.file, said.not_loaded) == ("CLEP_4471_20261123_000231.txt", 1)
