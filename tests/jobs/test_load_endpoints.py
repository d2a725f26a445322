"""Endpoints go in and out in one shape, and a wrong key or value is told with the right form."""

from datetime import date
from pathlib import Path

import pytest

from distribution.channels.electronic import schedule
from distribution.errors import UsageError
from distribution.jobs import endpoint_yaml, load_endpoints, partners
from distribution.jobs.wiring import Line
from distribution.ledger import endpoints, pauses
from distribution.model import Parallel

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
TRIED = "look: stat\n  parallel: {layout: wide, folder: /test, until: 2027-01-31}"
GOOD = f"""endpoints:
- code: "4471"
  host: sftp.example.edu
  port: 22
  username: clep
  directory: /inbox
  host_key: {KEY}
  credential: di-4471
  layout: csv-1
  encoding: latin-1
  newline: lf
  pgp_key: null
  publish: rename
  look: stat
  schedule: weekly:MON
  paused_until: 2026-12-01
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "endpoints.yaml"
    path.write_text(text)
    return path


def test_what_is_exported_loads_as_nothing_new(line: Line, tmp_path: Path) -> None:
    assert load_endpoints.load_endpoints(line, written(tmp_path, GOOD)) == 1
    exported = load_endpoints.export_endpoints(line)
    assert load_endpoints.load_endpoints(line, written(tmp_path, exported)) == 0
    assert endpoint_yaml.parse(exported) == endpoint_yaml.parse(GOOD)


def test_a_second_layout_is_a_block_of_the_endpoint(line: Line, tmp_path: Path) -> None:
    assert load_endpoints.load_endpoints(line, written(tmp_path, GOOD)) == 1
    trying = GOOD.replace("look: stat", TRIED)
    assert load_endpoints.load_endpoints(line, written(tmp_path, trying)) == 1
    exported = load_endpoints.export_endpoints(line)
    assert load_endpoints.load_endpoints(line, written(tmp_path, exported)) == 0
    (found,) = endpoint_yaml.parse(exported)
    assert found.parallel == Parallel(layout="wide", folder="/test", until="2027-01-31")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("username:", "user_name:", "unknown key `user_name`. Did you mean `username`?"),
        ("host: ", "hosting_firm: ", "unknown key `hosting_firm`"),
        (KEY, "ssh-ed25519 AAAA", "`host_key` must be the host's public key line"),
        ('"4471"', "4471", 'code: "4471"'),
        ("port: 22", "port: 70000", "`port` must be a number from 1 to 65535"),
        ("port: 22", "port: many", "`port` must be a whole number"),
        ("csv-1", "tall", "`layout` must be one of csv-1, fixed-1, flat-pgp, wide"),
        ("csv-1", "flat-pgp", "`pgp_key` must be the institution's public key"),
        ("latin-1", "utf-16", "`encoding` must be utf-8, latin-1 or ascii"),
        ("weekly:MON", "weekly:SUN", "`schedule` must be business-daily"),
        ("2026-12-01", "soon", "`paused_until` must be a date"),
        ("  credential: di-4471\n", "", "`credential` is missing"),
        ("credential: di-4471", "credential: ../key", "the name of a secret"),
        ("pgp_key: null", "pgp_key: partner.asc", "partner.asc cannot be read"),
        ("pgp_key: null", "pgp_key: '-----BEGIN PGP junk'", "no armoured OpenPGP public key"),
        ("look: stat", "look: stat\n  file_name: '{di}.txt'", "`file_name` must be a pattern"),
        ("look: stat", "look: stat\n  empty_file: perhaps", "`empty_file` must be true or false"),
        ("look: stat", "look: stat\n  ack_days: 0", "`ack_days` must be a number of business days"),
        ("look: stat", "look: stat\n  fallback_days: 0", "`fallback_days` must be a number of business days"),
        ("publish: rename", "publish: temp-folder", "`temp_directory` must be a folder on the same disk"),
        ("publish: rename", "publish: ftp", "`publish` must be rename, done-file or temp-folder"),
        ("look: stat", "look: glance", "`look` must be stat, list or none"),
        ("look: stat", "parallel: wide", "`parallel` must hold `layout` and `until`"),
        ("look: stat", f"{TRIED.replace('until', 'ends')}", "`parallel` must hold `layout` and `until`"),
        ("look: stat", f"{TRIED.replace('wide', 'csv-1')}", "`parallel.layout` must be another layout"),
        ("look: stat", f"{TRIED.replace('wide', 'flat-pgp')}", "or the endpoint needs a `pgp_key`"),
        ("look: stat", f"{TRIED.replace('2027-01-31', 'soon')}", "`parallel.until` must be a day"),
        (
            "look: stat",
            f"{TRIED.replace('/test', '/inbox/')}",
            "`parallel.folder` must be a folder of its own",
        ),
        ("look: stat", f"{TRIED.replace('folder: /test, ', '')}", "here or as `test_directory`"),
        ("look: stat", "transport: curl", "`transport` must be paramiko or openssh"),
        ("endpoints:", "endpoint:", "one key, `endpoints:`"),
    ],
)
def test_a_fault_is_told_and_nothing_is_recorded(
    line: Line, tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    assert right in GOOD
    with pytest.raises(UsageError) as told:
        load_endpoints.load_endpoints(line, written(tmp_path, GOOD.replace(right, wrong, 1)))
    assert says in str(told.value)
    assert load_endpoints.export_endpoints(line) == "endpoints: []\n"


SILENT = GOOD.replace("  paused_until: 2026-12-01\n", "")


@pytest.mark.parametrize("until", [None, date(2026, 12, 4)])
def test_a_load_that_does_not_speak_of_the_pause_keeps_it(
    line: Line, tmp_path: Path, until: date | None
) -> None:
    load_endpoints.load_endpoints(line, written(tmp_path, SILENT))
    partners.pause(line, "4471", until=until)
    changed = SILENT.replace("/inbox", "/scores")
    loaded = load_endpoints.load(line, written(tmp_path, changed))
    assert loaded == load_endpoints.Loaded(changed=1, still_paused=("4471",), resumed=())
    with line.connect() as conn:
        found = endpoints.newest_of(conn, "4471")
    assert found.directory == "/scores"
    assert found.paused_until == (until.isoformat() if until else schedule.FOR_EVER)
    assert load_endpoints.load(line, written(tmp_path, changed)).changed == 0


def test_a_load_that_says_null_ends_the_pause_and_tells_so(line: Line, tmp_path: Path) -> None:
    load_endpoints.load_endpoints(line, written(tmp_path, SILENT))
    partners.pause(line, "4471", until=None)
    loaded = load_endpoints.load(line, written(tmp_path, SILENT + "  paused_until: null\n"))
    assert loaded == load_endpoints.Loaded(changed=1, still_paused=(), resumed=("4471",))
    with line.connect() as conn:
        assert endpoints.newest_of(conn, "4471").paused_until is None


def test_no_load_ends_paper_for_a_time(line: Line, tmp_path: Path) -> None:
    load_endpoints.load_endpoints(line, written(tmp_path, SILENT))
    partners.to_paper(line, "4471", reason="host is down", on=line.today(), at_once=True)
    load_endpoints.load_endpoints(line, written(tmp_path, GOOD.replace("2026-12-01", "null")))
    with line.connect() as conn:
        assert list(pauses.on_paper(conn)) == ["4471"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "2001:db8::22", "sftp.example.edu.", "h_1", f"{'a' * 63}.example.edu"]
)
def test_names_and_addresses_of_hosts_are_taken(host: str) -> None:
    (found,) = endpoint_yaml.parse(GOOD.replace("sftp.example.edu", f"'{host}'"))
    assert found.host == host


@pytest.mark.parametrize(
    "host",
    [
        "sftp..example.edu",
        ".example.edu",
        f"{'a' * 64}.edu",
        ".".join(["a" * 60] * 5),
        "example.edu:22",
        "sftp://example.edu",
        "1::2::3",
    ],
)
def test_what_is_no_name_to_look_up_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="`host` must be a host name or address without scheme or port"):
        endpoint_yaml.parse(GOOD.replace("sftp.example.edu", f"'{host}'"))


@pytest.mark.parametrize("code", ["ab1C", "x12345"])
def test_codes_are_taken_as_the_feed_takes_them(code: str) -> None:
    (found,) = endpoint_yaml.parse(GOOD.replace("4471", code, 1))
    assert found.code == code


def test_a_code_twice_is_refused() -> None:
    twice = GOOD + GOOD.removeprefix("endpoints:\n")
    with pytest.raises(UsageError, match="stands twice"):
        endpoint_yaml.parse(twice)
