"""Tasks that send side by side never share an account at a host."""

from pathlib import Path

import pytest

from distribution.jobs import distribute_scores
from distribution.jobs.shards import shards
from distribution.jobs.wiring import Line
from distribution.model import Endpoint
from tests.support import records
from tests.support.electronic import join, owe
from tests.support.sftp_servers import Host


def at(code: str, **given: object) -> Endpoint:
    valid = {
        "host": "sftp.example.edu",
        "username": code,
        "directory": "/",
        "host_key": "",
        "credential": "x",
    }
    return Endpoint(code=code, **{**valid, **given})  # type: ignore[arg-type]


def split(*endpoints: Endpoint, most: int = 4) -> list[list[str]]:
    known = {each.code: each for each in endpoints}
    return shards(known, known, most=most)


def test_institutions_of_one_account_are_in_one_shard() -> None:
    consortium = [at(f"10{number:02}", username="consortium") for number in range(9)]
    others = [at(f"20{number:02}") for number in range(9)]
    found = split(*consortium, *others)
    assert [each.code for each in consortium] in found
    assert sorted(code for shard in found for code in shard) == sorted(
        each.code for each in (*consortium, *others)
    )
    assert sorted(map(len, found)) == [3, 3, 3, 9]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"host": "SFTP.Example.edu."}, 1),
        ({"credential": "other", "host_key": "other", "directory": "/other"}, 1),
        ({"port": 2222}, 2),
        ({"username": "other"}, 2),
        ({"host": "sftp2.example.edu"}, 2),
    ],
)
def test_an_account_is_a_user_at_a_host_and_port(given: dict[str, object], count: int) -> None:
    assert len(split(at("1001", username="u"), at("1002", **{"username": "u", **given}))) == count


def test_no_institution_has_no_shard_and_few_have_few() -> None:
    assert split() == []
    assert split(at("1001"), at("1002")) == [["1001"], ["1002"]]


def test_a_night_that_is_sent_by_several_tasks_signs_in_to_each_account_from_one(
    line: Line, tmp_path: Path
) -> None:
    codes = [f"44{number}" for number in range(71, 79)]
    host = Host(port=22, host_key="", key="", username="", root=tmp_path)
    join(line, host, *(at(code, username="one" if code < "4475" else "two") for code in codes))
    for code in codes:
        owe(line, code, f"R-{code}")
    with line.connect() as conn:
        records.run(conn)
    assert distribute_scores.build(line, "N20261123-01") == [codes[:4], codes[4:]]
