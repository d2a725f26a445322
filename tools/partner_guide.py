"""Write the layouts' tables into docs/partner-guide.md, and docs/samples, from the layouts themselves."""

import json
import re
import sys
from collections.abc import Iterator

from distribution.channels.electronic import record_layout, sample, specification
from distribution.settings import PROJECT_ROOT

TARGET = PROJECT_ROOT / "docs" / "partner-guide.md"
SAMPLES = PROJECT_ROOT / "docs" / "samples"
_TABLES = re.compile(r"(<!-- layouts: [^\n]*-->\n).*?(<!-- end of layouts -->)", re.DOTALL)


def page(before: str) -> str:
    """The guide with its tables written anew."""
    tables = "\n".join(_tables())
    return _TABLES.sub(lambda found: f"{found[1]}\n{tables}\n{found[2]}", before)


def _tables() -> Iterator[str]:
    for name in record_layout.names():
        # One level below the heading that they stand under.
        yield re.sub(r"^#", "###", specification.markdown(record_layout.load(name)), flags=re.MULTILINE)


def samples() -> dict[str, bytes]:
    """The files of docs/samples by name: of each layout its specification and a sample with its control."""
    found = {}
    for name in record_layout.names():
        layout = record_layout.load(name)
        made = sample.sample(layout)
        found[f"{name}.spec.json"] = (json.dumps(record_layout.spec(layout), indent=2) + "\n").encode()
        found[f"{name}.sample.{'csv' if layout.kind is record_layout.LayoutKind.CSV else 'txt'}"] = made.data
        if made.sidecar is not None:
            found[f"{name}.control.json"] = made.sidecar
    return found


def main() -> int:
    TARGET.write_text(page(TARGET.read_text("utf-8")), "utf-8")
    SAMPLES.mkdir(exist_ok=True)
    for name, content in samples().items():
        (SAMPLES / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
