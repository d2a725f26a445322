"""Write NOTICE: the licence of each package in requirements.txt, as its own metadata states it."""

import re
import sys
from collections.abc import Iterable
from importlib import metadata
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "NOTICE"
HEAD = """\
Score Distribution
Licensed under the Apache License, Version 2.0 (see LICENSE).

CLEP is a trademark of the College Board. This project is not affiliated with, endorsed or sponsored by it.

Part of this project:
  Noto Sans (distribution/channels/paper/fonts): SIL Open Font License 1.1, OFL.txt beside it.
  Public Sans (distribution/web/portal/static): SIL Open Font License 1.1, OFL.txt beside it.
  htmx (distribution/web/portal/static): Zero-Clause BSD, htmx-LICENSE.txt beside it.

Installed beside it, each under its own licence, as the package's metadata states it:
"""
# What some packages state in words of their own, as SPDX writes it.
SPDX = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0 License": "Apache-2.0",
    "BSD License": "BSD",
    "BSD 3-Clause": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def notice() -> str:
    """The whole text."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    stated = sorted((licence_of(name), name) for name in pinned)
    groups = groupby(stated, key=lambda pair: pair[0])
    return HEAD + "".join(f"\n{licence}\n{_listed(name for _, name in pairs)}" for licence, pairs in groups)


def _listed(names: Iterable[str]) -> str:
    return "".join(f"  {name}\n" for name in names)


def licence_of(name: str) -> str:
    """The licence that a package states: its SPDX expression, else its classifiers, else its own words."""
    stated = metadata.metadata(name)
    if "License-Expression" in stated:
        return stated["License-Expression"]
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in stated.get_all("Classifier") or []
        if text.startswith("License :: ")
        and text not in ("License :: OSI Approved", "License :: DFSG approved")
    ]
    own_words = stated.get_all("License") or ["stated in its own files"]
    words = classifiers or [own_words[0].splitlines()[0].strip()]
    return " OR ".join(SPDX.get(word, word) for word in words)


if __name__ == "__main__":
    TARGET.write_text(notice(), "utf-8")
    sys.stderr.write("Wrote NOTICE\n")
