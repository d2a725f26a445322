"""A whole night over a directory of real institutions: time per step, peak memory, and whether it balances.

python benchmarks/night.py --rows 50000 --institutions ../shared/data/institutions-us.csv
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from distribution.demo import hosts
from distribution.demo.feed import write_demo_feed
from distribution.jobs import distribute_scores, load_endpoints
from distribution.jobs.wiring import Line, open_line
from distribution.ledger import embedded, runs
from distribution.settings import load

NIGHT = date(2026, 11, 23)


def main() -> int:
    """Run the night in a fresh home, print its table; exit code 1 when it does not balance."""
    options = _options()
    home = Path(options.home or tempfile.mkdtemp(prefix="night-"))
    settings = load(home=home)
    line = open_line(settings)
    try:
        began = time.perf_counter()
        feed = write_demo_feed(
            settings.inbox,
            rows=options.rows,
            seed=options.seed,
            day=NIGHT,
            institutions=options.institutions,
            home=home,
        )
        _say(f"feeds written in {time.perf_counter() - began:.1f} s; {feed.organizations:,} institutions")
        hosts.up(settings)
        load_endpoints.load_endpoints(line, feed.endpoints_file)
        document = distribute_scores.run_nightly(line, on=NIGHT, say=_say)
        _print_table(line, document)
        _print_directory(line)
        return 0 if document["balanced"] else 1
    finally:
        hosts.down(settings)
        embedded.stop(settings.cluster)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--institutions", type=Path)
    parser.add_argument("--home", help="a new folder by default; it is left there to look at")
    return parser.parse_args()


def _print_table(line: Line, document: dict) -> None:
    with line.connect() as conn:
        run = runs.read(conn, document["run"])
    _say(f"home {line.settings.home}")
    for step in run.steps:
        sys.stdout.write(
            f"{step['name']:<24} {step['seconds']:>8.1f} s {step['peak_mb']:>8.0f} MB peak so far\n"
        )
    total = sum(step["seconds"] for step in run.steps)
    sys.stdout.write(f"{'all steps':<24} {total:>8.1f} s\n")
    document = {**document, "files": len(document["files"])}
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


def _print_directory(line: Line) -> None:
    """What the real addresses and successors did."""
    with line.connect() as conn:
        for title, query in _QUESTIONS.items():
            rows = conn.execute(query).fetchall()
            sys.stdout.write(f"{title}: {', '.join(' '.join(map(str, row)) for row in rows) or 'none'}\n")


_QUESTIONS = {
    "held deliveries by reason": """
        SELECT state_reason, count(*) FROM ledger.delivery WHERE state = 'held' GROUP BY 1 ORDER BY 2 DESC""",
    "paper institutions held for their address": """
        SELECT DISTINCT recipient FROM ledger.delivery
        WHERE state_reason IN ('no-address', 'address-too-long')""",
    "deliveries that went to a successor": """
        SELECT count(*), 'to', count(DISTINCT recipient), 'successors'
        FROM ledger.delivery WHERE designated <> recipient""",
    "pieces by batch": "SELECT batch_id, pieces, sheets, pages FROM ledger.batch ORDER BY batch_id",
}


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
