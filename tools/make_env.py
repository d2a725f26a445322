"""Write .env from .env.example with a fresh secret in each empty place; an existing .env stays as it is."""

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def filled(example: str) -> str:
    """The example with a secret after each `NAME=` at a line's end."""
    return "\n".join(
        line + _secret(line) if line.endswith("=") and not line.startswith("#") else line
        for line in example.splitlines()
    )


def _secret(line: str) -> str:
    if line.startswith("AIRFLOW_FERNET_KEY"):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32)


def main() -> int:
    target = ROOT / ".env"
    try:
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        sys.stderr.write(".env is there already and stays as it is.\n")
        return 0
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(filled((ROOT / ".env.example").read_text("utf-8")) + "\n")
    sys.stderr.write("Wrote .env with fresh secrets; it is for you alone (mode 0600).\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
