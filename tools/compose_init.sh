#!/usr/bin/env bash
# Once per start of docker compose: databases, schemas, passwords of Airflow's pages.
set -euo pipefail

airflow db migrate
python - <<'PYTHON'
import json, os
from pathlib import Path

from distribution.ledger import upgrade

upgrade.make_database(os.environ["DISTRIBUTION_DATABASE_URL"])
passwords = {user: os.environ[f"AIRFLOW_{user.upper()}_PASSWORD"] for user in ("operations", "mailroom")}
file = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
file.touch(mode=0o600)
file.write_text(json.dumps(passwords))
PYTHON
python -m distribution db upgrade
