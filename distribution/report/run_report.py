"""A run's report: a page that stands alone, and the same facts as a JSON document."""

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from distribution import advice
from distribution.report import charts
from distribution.report.content import ReportContent
from distribution.report.needs import counted

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "report"


def html(content: ReportContent) -> str:
    """The page: no script, no outside host, no student's record; the same content gives the same text."""
    page = _environment().get_template("run_report.html")
    return page.render(
        run=content,
        verdict=verdict(content),
        summary=summary(content),
        mark=mark(content),
        segments=charts.stacked(content.went),
        timeline=charts.timeline(content.steps),
    )


def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        number=lambda count: f"{count:,}",
        day=in_words,
        clock=clock,
        duration=charts.duration,
        means=lambda code: advice.meaning(code) if code in advice.ADVICE else "",
        advice=lambda code: advice.what_to_do(code) if code in advice.ADVICE else "",
        size=size,
        counted=counted,
    )
    return env


def in_words(day: date) -> str:
    """`Mon 23 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def clock(time: datetime) -> str:
    """`22:00:03`."""
    return f"{time:%H:%M:%S}"


def size(count: int) -> str:
    """Bytes as people read them: `812 B`, `64 kB`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:,.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"


def verdict(content: ReportContent) -> str:
    """The headline: how the run ended."""
    return f"Run of {in_words(content.on)}: {_ending(content)}"


def _ending(content: ReportContent) -> str:
    if content.finished_at is None and content.exit is None:
        return "not finished yet"
    if content.balanced is False or content.exit == 5:
        return "out of balance, sending is blocked"
    if content.exit == 4:
        refused = sum(feed.state == "refused" for feed in content.feeds.rows)
        return f"finished, {counted(refused, 'feed')} refused" if refused else "finished, a feed was refused"
    if content.exit == 3:
        failed = content.went.failed or sum(file.scores for file in content.open_files.rows)
        return f"finished, {counted(failed, 'score')} not delivered yet"
    return "nothing new" if content.is_quiet else "finished, every score is accounted for"


def summary(content: ReportContent) -> str:
    """The sentences below the headline."""
    needed = sum(need.level not in ("Retrying", "Waiting") for need in content.needs)
    needs = (
        f"{counted(needed, 'thing needs', 'things need')} a person." if needed else "Nothing needs a person."
    )
    if content.balanced is False:
        faults = counted(len(content.faults), "sum does", "sums do")
        return f"{faults} not add up. Nothing is sent until the cause is found."
    if content.is_quiet:
        return f"No new results came, so nothing was sent. {needs}"
    went = content.went
    ways = [
        f"{went.electronic:,} left in files" if went.electronic else "",
        f"{went.paper:,} are in print batches" if went.paper else "",
        f"{went.portal:,} are visible to schools" if went.portal else "",
    ]
    *first, last = list(filter(None, ways)) or ["none were sent"]
    said = f"{', '.join(first)} and {last}" if first else last
    records = counted(content.received.records, "record")
    both = "are" if content.received.records != 1 else "is"
    return f"{records} came and {both} accounted for. Of the scores owed, {said}. {needs}"


def mark(content: ReportContent) -> str:
    """How the page looks: `good`, `warning` or `error`."""
    if content.balanced is False or content.exit == 5:
        return "error"
    return "warning" if content.exit or any(need.level == "Failed" for need in content.needs) else "good"


def document(content: ReportContent) -> str:
    """run.json: the run's document as the command prints it, with the report's facts beside it."""
    facts: dict[str, Any] = {
        **(content.document or {}),
        "started_at": content.started_at,
        "finished_at": content.finished_at,
        "only": content.only or None,
        "faults": content.faults,
        "owed": asdict(content.owed) if content.owed else None,
        "steps": [asdict(step) for step in content.steps],
        "needs_a_person": [asdict(need) for need in content.needs],
        "feeds": [asdict(feed) for feed in content.feeds.rows],
        "feed_gaps": [asdict(gap) for gap in content.feed_gaps],
        "held_rows": [asdict(reason) for reason in content.held_row_reasons],
        "held_deliveries": [asdict(held) for held in content.held_deliveries.rows],
        "files_not_delivered": [asdict(file) for file in content.open_files.rows],
        "spelled_out": [asdict(each) for each in content.spelled_out.rows],
        "unknown_attending": {
            "results": content.unknown_attending_results,
            "codes": content.unknown_attending_codes,
        },
    }
    return json.dumps(facts, ensure_ascii=False, indent=2, default=_plain) + "\n"


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
