"""`demo feed`, `demo up` and `demo down` as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from distribution.settings import PROJECT_ROOT, Settings
from tests.support.demo_ports import keep_free_ports


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distribution", "demo", *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | {"DISTRIBUTION_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_feed_writes_into_the_inbox_and_says_what_comes_next(tmp_path):
    done = run(tmp_path, "feed", "--rows", "60", "--seed", "1", "--date", "2026-11-23")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "inbox").glob("*-20261123-001.csv"))) == 5
    assert len(list((tmp_path / "inbox").glob("*-20261123-001.csv.control.json"))) == 5
    assert f"load-endpoints {tmp_path}/demo/endpoints.yaml" in done.stdout


def test_feed_out_writes_feeds_and_endpoints_elsewhere(tmp_path):
    out = tmp_path / "out"
    done = run(
        tmp_path / "home",
        "feed",
        "--rows",
        "60",
        "--seed",
        "1",
        "--date",
        "2026-11-23",
        "--out",
        str(out),
        "--json",
    )
    document = json.loads(done.stdout)
    assert [Path(path).parent for path in document["feeds"]] == [out] * 5
    assert (out / "endpoints.yaml").read_bytes() == Path(document["endpoints"]).read_bytes()
    assert (document["date"], document["rows"], document["electronic"]) == ("2026-11-23", 60, 60)
    assert list((tmp_path / "home" / "inbox").iterdir()) == []


def test_a_wrong_directory_file_is_a_usage_error(tmp_path):
    done = run(
        tmp_path, "feed", "--rows", "60", "--seed", "1", "--institutions", str(tmp_path / "absent.csv")
    )
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_up_tells_the_environment_and_goes_on_until_down(tmp_path):
    keep_free_ports(Settings(home=tmp_path))
    try:
        up = json.loads(run(tmp_path, "up", "--json").stdout)
        assert set(up["environment"]) == {"DISTRIBUTION_SMTP_HOST", "DISTRIBUTION_SMTP_PORT"}
        assert "are up already" in run(tmp_path, "up").stdout
    finally:
        down = run(tmp_path, "down")
    assert down.stdout == "Stopped 4 demo partners.\n"
    assert "nothing to stop" in run(tmp_path, "down").stdout
