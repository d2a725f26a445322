"""Settings: nothing is required, a wrong one is named, the home is private."""

import os
import stat

import pytest

from distribution import settings
from distribution.errors import UsageError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("DISTRIBUTION_"):
            monkeypatch.delenv(name)


def test_nothing_is_required():
    loaded = settings.load()
    assert loaded.database_url is None
    assert loaded.smtp_host is None
    assert loaded.time_zone == "America/New_York"


def test_the_home_is_in_the_projects_root_whatever_the_callers_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert settings.load().home == settings.PROJECT_ROOT / "var"


def test_a_relative_home_and_a_tilde_become_whole_paths(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DISTRIBUTION_HOME", "here")
    assert settings.load().home == tmp_path / "here"
    monkeypatch.setenv("DISTRIBUTION_HOME", "~/there")
    assert settings.load().home == tmp_path / "there"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_SMTP_PORT", "")
    assert settings.load().smtp_port == 25


def test_each_wrong_variable_is_named_and_its_value_is_not(monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_SMTP_PORT", "hunter2")
    monkeypatch.setenv("DISTRIBUTION_SFTP_SESSIONS", "0")
    with pytest.raises(UsageError) as caught:
        settings.load()
    assert "DISTRIBUTION_SMTP_PORT" in str(caught.value)
    assert "DISTRIBUTION_SFTP_SESSIONS" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_time_zone_that_nobody_knows_is_refused_at_the_start(monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_TIME_ZONE", "America/Gotham")
    with pytest.raises(UsageError, match="DISTRIBUTION_TIME_ZONE"):
        settings.load()


def test_the_home_and_its_folders_are_private(tmp_path):
    loaded = settings.load(home=tmp_path / "home")
    settings.make_home(loaded)
    for folder in (
        loaded.home,
        loaded.inbox,
        loaded.refused,
        loaded.paper_outbox,
        loaded.reports,
        loaded.secrets,
    ):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_as_root_the_cluster_lies_outside_the_home(monkeypatch, tmp_path):
    loaded = settings.load(home=tmp_path / "home")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not loaded.cluster.is_relative_to(loaded.home)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert loaded.cluster == loaded.home / "postgres"
