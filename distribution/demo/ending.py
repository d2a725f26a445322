"""What a night tells at its end: the balance, and where everything lies."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distribution.settings import Settings

MEANING = {
    0: "done: balanced, every file arrived",
    3: "finished and balanced, but files failed or wait for a retry: "
    "python -m distribution delivery list --state failed",
    4: "finished and balanced, but a feed was refused: python -m distribution feed list",
    5: "OUT OF BALANCE: sending is blocked until a person has found out why; read the report",
}

# The ledger keeps documents without the order of their words; people read them in this one.
RECEIVED = ("new", "corrected", "duplicate", "held")
OWED = ("delivered", "acknowledged", "returned", "waiting", "held", "withdrawn")
CARRIED = {
    "held": {"opening": "", "added": "+", "released": "-", "rejected": "-"},
    "waiting": {"opening": "", "added": "+", "delivered": "-", "withdrawn": "-"},
}


def of_night(settings: Settings, document: Mapping[str, Any]) -> str:
    """The ending of a night from its document (contract section 5), for a person to read."""
    return "\n".join(["", *_lines(settings, document), ""])


def _lines(settings: Settings, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Run {document['run']} of {document['date']}"
    if _is_empty(document):
        yield "  Nothing new: all that was owed had gone before. Nothing was sent twice."
    yield from _balance(document)
    yield from _paper(settings, document)
    drops = settings.demo / "drops"
    here = sum(path.is_file() for path in drops.rglob("*")) if drops.exists() else 0
    sent = document["deliveries"]["electronic"]
    files = len(document["files"])
    yield f"  SFTP drops    {sent:,} scores in {files:,} files tonight; {here:,} files in {drops}"
    yield f"  portal        {document['deliveries']['portal']:,} rows for {document['schools']:,} schools"
    yield from _mails(settings)
    yield f"  report        {_report(settings, document)}"
    yield f"  exit code     {document['exit']} ({MEANING.get(document['exit'], 'see the report')})"
    yield "  Airflow       make airflow"


def _is_empty(document: Mapping[str, Any]) -> bool:
    sent = document["deliveries"]
    return not any([document["received"]["records"], sent["paper"], sent["electronic"], sent["portal"]])


def _balance(document: Mapping[str, Any]) -> Iterator[str]:
    received, owed = document["received"], document["owed"]
    yield f"  received      {_sum(received, 'records', RECEIVED)}"
    yield f"  owed          {_sum(owed, 'owed', OWED)}"
    for name, moves in CARRIED.items():
        counts = document["carried"][name]
        told = " ".join(f"{sign} {counts[key]:,} {key}" for key, sign in moves.items())
        yield f"  {name + ' over':<14}{told.strip()} = {counts['closing']:,} closing"


def _sum(counts: Mapping[str, int], total: str, parts: Sequence[str]) -> str:
    return f"{counts[total]:,} = " + " + ".join(f"{counts[part]:,} {part}" for part in parts)


def _paper(settings: Settings, document: Mapping[str, Any]) -> Iterator[str]:
    placed = document["deliveries"]["paper"]
    batches = sorted(document["batches"], key=lambda batch: (len(batch), batch))
    yield f"  paper         {placed:,} scores in {len(batches):,} batches"
    if batches:
        names = batches[0] if len(batches) == 1 else f"{batches[0]} … {batches[-1]}"
        yield f"                {names}: PDF, cover sheet, manifest in {settings.paper_outbox}"


def _mails(settings: Settings) -> Iterator[str]:
    for name, folder in (("mails sent", settings.demo / "mailbox"), ("mails waiting", settings.mail_outbox)):
        if count := sum(path.is_file() for path in folder.rglob("*")) if folder.exists() else 0:
            yield f"  {name:<14}{count:,} in {folder}"


def _report(settings: Settings, document: Mapping[str, Any]) -> Path:
    return settings.reports / document["date"] / document["run"] / "report.html"
