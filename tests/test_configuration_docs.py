"""docs/configuration.md says what the settings say."""

from distribution.settings import Settings
from tools import configuration_docs


def test_the_page_is_the_one_that_the_settings_give():
    assert configuration_docs.TARGET.read_text("utf-8") == configuration_docs.page(), "run: make docs"


def test_every_setting_has_a_meaning():
    nameless = [name for name, field in Settings.model_fields.items() if not field.description]
    assert nameless == []


def test_no_path_of_a_machine_stands_on_the_page():
    assert str(configuration_docs.PROJECT_ROOT) not in configuration_docs.page()
