"""docker-compose.yaml: every service is watched, every image is pinned, no secret has a default."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools import make_env

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docker-compose.yaml").read_text("utf-8")
SERVICES: dict[str, dict] = yaml.safe_load(TEXT)["services"]
SECRETS = {
    line.rstrip("=")
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines()
    if line.endswith("=") and not line.startswith("#")
}
LASTING = {name: service for name, service in SERVICES.items() if service.get("restart") != "no"}
# These come with `docker compose --profile celery up`.
SCALE_OUT = {"redis", "worker"}


def test_every_part_of_airflow_and_of_the_demo_world_is_there():
    wanted = {"postgres", "airflow-init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert wanted | SCALE_OUT | {"portal", "demo-sftp", "demo-mail"} == set(SERVICES)


@pytest.mark.parametrize("name", LASTING)
def test_every_service_that_stays_up_has_a_health_check(name):
    check = LASTING[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert check["retries"] >= 3
    assert not check.get("disable")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_only_after_what_it_needs_is_healthy(name):
    for needed, condition in SERVICES[name].get("depends_on", {}).items():
        ends = SERVICES[needed].get("restart") == "no"
        assert condition["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_ours_or_pinned_to_a_release(name):
    image = SERVICES[name]["image"]
    assert image == "score-distribution:local" or re.search(r":\d+\.\d+", image), image


def test_the_base_image_is_pinned():
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert base
    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in base)


def test_only_scale_out_needs_a_profile():
    assert {name for name, service in SERVICES.items() if "profiles" in service} == SCALE_OUT


def test_every_secret_is_required_and_none_has_a_default():
    used = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert used == SECRETS
    for secret in SECRETS:
        assert not re.search(rf"\$\{{?{secret}(?!:\?|\w)", TEXT), f"{secret} is used without :?"


def test_what_has_a_default_is_no_secret():
    for name, _default in re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT):
        assert not re.search("PASSWORD|SECRET|KEY|TOKEN", name), name


def test_ports_are_open_on_this_machine_only():
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


@pytest.mark.parametrize("name", SERVICES)
def test_the_files_that_a_service_runs_are_in_the_project(name):
    words = " ".join(map(str, [*SERVICES[name].get("command", []), *_check(name)]))
    for script in re.findall(r"tools/[\w.]+", words):
        assert (ROOT / script).is_file()
    for module in re.findall(r"-m (distribution[\w.]*)", words):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def _check(name: str) -> list[str]:
    return SERVICES[name].get("healthcheck", {}).get("test", [])


def test_a_made_env_fills_every_secret_and_is_private(tmp_path, monkeypatch):
    shutil.copy(ROOT / ".env.example", tmp_path)
    monkeypatch.setattr(make_env, "ROOT", tmp_path)
    assert make_env.main() == 0
    made = tmp_path / ".env"
    filled = dict(line.split("=", 1) for line in made.read_text().splitlines() if re.match(r"\w+=", line))
    assert set(filled) == SECRETS
    assert len({*filled.values()}) == len(SECRETS)
    assert min(map(len, filled.values())) >= 44
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_an_env_that_is_there_stays_as_it_is(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=mine\n")
    monkeypatch.setattr(make_env, "ROOT", tmp_path)
    assert make_env.main() == 0
    assert (tmp_path / ".env").read_text() == "POSTGRES_PASSWORD=mine\n"


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0,
    reason="docker's compose plugin is not installed",
)
def test_compose_itself_accepts_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text(make_env.filled((ROOT / ".env.example").read_text("utf-8")))
    command = ["docker", "compose", "--env-file", str(file), "--profile", "celery", "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_health_check_says_when_nobody_is_there():
    command = [sys.executable, str(ROOT / "tools" / "answers.py"), "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, timeout=60, env={"PATH": os.environ["PATH"]})
    assert done.returncode != 0
