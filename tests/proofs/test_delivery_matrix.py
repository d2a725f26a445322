"""Every host and agreement × a SIGKILL at every step of a delivery: once and whole, or held, or it waits.

The whole runs under `make proof` and takes up what an earlier run found as long as the code is the same; a
seeded sample runs with every change.
"""

import hashlib
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from distribution.jobs.wiring import Line
from tests.support import killed_senders
from tests.support.delivery_code import DELIVERY_CODE
from tests.support.delivery_settings import ALL
from tests.support.killed_senders import GOOD, Cell, Outcome, Setting
from tests.support.other_servers import NotHere
from tests.support.sftp_servers import Host

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "var" / "proof" / "delivery-matrix"
SETTINGS_ASKED = 35
MOST_STEPS = 200
PAIRS = 6
MOST_HELD_AT_A_DONE_FILE = 3
AT_A_TIME = 40
SAMPLE_SEED, SAMPLE_SETTINGS = 20261123, 10

logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def _fingerprint(setting: Setting) -> str:
    """The code and the setting that a finding is about."""
    serve = setting.serve
    given = serve.keywords if isinstance(serve, partial) else {}
    server = serve.func if isinstance(serve, partial) else serve
    described = [server.__qualname__, *(f"{name}={getattr(v, '__name__', v)}" for name, v in given.items())]
    stated = (setting.agreed, sorted(setting.may_end), setting.reason, setting.seconds, described)
    stated += (setting.every, setting.two_files, setting.pause, MOST_HELD_AT_A_DONE_FILE)
    return hashlib.sha256(DELIVERY_CODE + repr(stated).encode()).hexdigest()


def _place(setting: Setting) -> Path:
    return FOUND / f"{re.sub(r'[^a-z0-9]+', '-', setting.name.lower())}.json"


def _found(setting: Setting) -> dict | None:
    """What was found about a setting with this very code."""
    try:
        kept = json.loads(_place(setting).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return kept["found"] if kept.get("code") == _fingerprint(setting) else None


def _keep(setting: Setting, row: dict) -> None:
    FOUND.mkdir(parents=True, exist_ok=True)
    _place(setting).write_text(json.dumps({"code": _fingerprint(setting), "found": row}, indent=1), "utf-8")


def _explore(line: Line, folder: Path, setting: Setting) -> dict:
    """Kill at each step until a sender comes to its end; then some pairs: kill, and kill the recovery too."""
    line = killed_senders.prepare(line, setting)
    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    announces = setting.agreed.get("publish") == "done-file" and setting.agreed.get("look") != "none"

    def note(where: str, outcome: Outcome) -> None:
        outcomes[outcome.value] += 1
        if outcome not in GOOD or outcome not in setting.may_end:
            bad.append(f"{outcome} after a kill at {where}")

    with setting.serve(folder) as host:
        cells = _cells(line, host, setting)
        for step in range(1, MOST_STEPS, setting.every):
            cell = next(cells)
            was_killed = killed_senders.killed_at(cell, step)
            outcome = killed_senders.settle(cell)
            note(f"step {step}", outcome)
            if not was_killed:
                if outcome not in setting.unkilled:
                    bad.append(f"{outcome} without a kill")
                break
            # Only where the done-file was announced and may not have been begun.
            if announces and outcomes[Outcome.HELD] > MOST_HELD_AT_A_DONE_FILE:
                bad.append(f"held after a kill at step {step} too")
        else:
            bad.append(f"no sender came to its end in {MOST_STEPS} steps")
        chance = random.Random(f"{SAMPLE_SEED} {setting.name}")
        for _ in range(max(1, PAIRS // setting.every)):
            first, second = chance.randint(1, step), chance.randint(1, step)
            cell = next(cells)
            killed_senders.killed_at(cell, first)
            killed_senders.killed_at(cell, second)
            note(f"steps {first} and {second}", killed_senders.settle(cell))
    return {"steps": step - 1, "outcomes": dict(outcomes), "bad": bad}


def _cells(line: Line, host: Host, setting: Setting) -> Iterator[Cell]:
    while True:
        yield from killed_senders.new_cells(line, host, setting, AT_A_TIME)


def test_there_are_settings_enough() -> None:
    assert len({setting.name for setting in ALL}) == len(ALL) >= SETTINGS_ASKED


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.name)
def test_a_sender_killed_at_any_step_delivers_once(line: Line, tmp_path: Path, setting: Setting) -> None:
    row = _found(setting)
    if row is None:
        try:
            row = _explore(line, tmp_path / "host", setting)
        except NotHere as exc:
            pytest.fail(f"{exc}: what was not tried is not proved")
        _keep(setting, row)
    assert row["bad"] == []


@pytest.mark.proof
def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {setting.name: row for setting in ALL if (row := _found(setting)) is not None}
    with capsys.disabled():
        print("\n" + table(rows))  # noqa: T201  the proof prints what it found
    assert set(rows) == {setting.name for setting in ALL}
    assert len([row for row in rows.values() if row["outcomes"] and not row["bad"]]) >= SETTINGS_ASKED


def table(rows: dict[str, dict]) -> str:
    """The whole as text: a row a setting, and the sums."""
    columns = [outcome.value for outcome in Outcome]
    lines = [f"{'setting':42} {'steps':>5} {'kills':>5} " + " ".join(f"{each:>9}" for each in columns)]
    sums: Counter[str] = Counter()
    for setting in ALL:
        row = rows.get(setting.name)
        if row is None:
            lines.append(f"{setting.name:42} not tried")
            continue
        counts = Counter(row["outcomes"])
        sums += counts
        cells = " ".join(f"{counts[each]:>9}" for each in columns)
        lines.append(f"{setting.name:42} {row['steps']:>5} {counts.total():>5} {cells}")
    cells = " ".join(f"{sums[each]:>9}" for each in columns)
    return "\n".join([*lines, f"{'all':42} {'':>5} {sums.total():>5} {cells}"])


_CHANCE = random.Random(SAMPLE_SEED)
# A setting in which each delivery takes many seconds waits for the proof.
SAMPLE = _CHANCE.sample([setting for setting in ALL if setting.every == 1], SAMPLE_SETTINGS)


@pytest.mark.parametrize("setting", SAMPLE, ids=lambda setting: setting.name)
def test_a_sample_of_kills(line: Line, tmp_path: Path, setting: Setting) -> None:
    chance = random.Random(f"sample {setting.name}")
    with ExitStack() as stack:
        try:
            host = stack.enter_context(setting.serve(tmp_path / "host"))
        except NotHere as exc:
            pytest.skip(str(exc))
        line = killed_senders.prepare(line, setting)
        steps = (chance.randint(1, 20), chance.randint(20, 40))
        unkilled, *cells = killed_senders.new_cells(line, host, setting, 1 + len(steps))
        assert killed_senders.settle(unkilled) in setting.unkilled
        for step, cell in zip(steps, cells, strict=True):
            killed_senders.killed_at(cell, step)
            assert killed_senders.settle(cell) in setting.may_end, f"killed at step {step}"
