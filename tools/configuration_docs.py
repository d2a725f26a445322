"""Write docs/configuration.md from the settings themselves."""

import sys
from pathlib import Path
from typing import Any

from distribution.settings import PROJECT_ROOT, Settings

TARGET = PROJECT_ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

<!-- Written by `make docs` from distribution/settings.py; change it there. -->

Every setting is an environment variable; none is required. An empty variable counts as not set. A wrong one
stops the command with exit code 2 and is named.

| variable | default | meaning |
|---|---|---|
"""
TAIL = """
## Secrets

A setting names a secret, it never holds one. The secret called `di-4471` is read from `di-4471.key` and
`di-4471.password` in `DISTRIBUTION_SECRETS_DIR`; with both, the password opens the key. Where neither file is
there, the variable `DISTRIBUTION_SECRET_DI_4471` is read. Secrets are never command-line flags. Files there
belong to you alone (mode 0600); the keys of the access codes are made there on first use. Lose them and no
mailed code can be sent again.

## For people who debug

| variable | meaning |
|---|---|
| `DISTRIBUTION_DEBUG` | `1`, or `-v`: more on stderr, and tracebacks without the errors' own texts |
| `DISTRIBUTION_ACTOR` | the name that stands in the records for what a command does; else the system user |
| `NO_COLOR` | honoured; commands write no colour at all |
"""


def page() -> str:
    """The whole page."""
    rows = (_row(name, field) for name, field in Settings.model_fields.items())
    return HEAD + "".join(rows) + TAIL


def _row(name: str, field: Any) -> str:
    meaning = field.description.replace("|", "\\|")
    return f"| `DISTRIBUTION_{name.upper()}` | {_default(field.default)} | {meaning} |\n"


def _default(value: object) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, Path):
        value = value.relative_to(PROJECT_ROOT) if value.is_relative_to(PROJECT_ROOT) else value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
    sys.stderr.write(f"Wrote {TARGET.relative_to(PROJECT_ROOT)}\n")
