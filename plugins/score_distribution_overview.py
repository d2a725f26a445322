"""The overview page inside Airflow: how the newest night ended, in counts alone, behind Airflow's sign-in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from distribution.jobs.wiring import Line
    from distribution.ledger.runs import Run

PREFIX = "/score-distribution"
NIGHTS = 14
_LOOK = Path(__file__).with_suffix(".css")
_SENT = {"electronic": "SFTP files", "paper": "Print and mail", "portal": "Schools' portal"}
_CARRIED = {
    "held": {"opening": "", "added": "+", "released": "−", "rejected": "−"},
    "waiting": {"opening": "", "added": "+", "delivered": "−", "withdrawn": "−"},
}
_ENDS = {
    0: "",
    3: " Some files wait for a retry.",
    4: " A feed was refused.",
    5: " It is out of balance: sending is blocked.",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}


def make_app() -> "FastAPI":
    """The page as an application that Airflow mounts below `PREFIX`.

    Airflow leaves a plugin's endpoints open to everybody, so all of them ask for its signed-in user here;
    the framework's own pages (docs, schema) would not, and are switched off.
    """
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI(
        title="Score Distribution",
        dependencies=[Depends(get_user)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.get("/", response_class=HTMLResponse)
    def overview() -> HTMLResponse:
        from distribution.errors import TransientError

        try:
            return HTMLResponse(page(_newest_runs(), _line().settings.zone), headers=_HEADERS)
        except TransientError as exc:
            return HTMLResponse(_document("The ledger cannot be read.", str(exc), []), 503, headers=_HEADERS)

    return app


def page(runs: Sequence["Run"], zone: tzinfo) -> str:
    """The page over the newest nights, newest first, with times in `zone`; counts and dates only."""
    if not runs:
        return _document(
            "No night has run yet.", "Put feeds into the inbox, then trigger the Dag distribute_scores.", []
        )
    newest = runs[0]
    finished = next((run for run in runs if run.state == "finished"), None)
    cards = [_attention(list(_needs(newest, finished)))]
    if finished:
        cards += [_balance(finished), _channels(finished.summary), _carried(finished.summary)]
    cards.append(_nights(runs))
    return _document(_verdict(newest), _when(newest, zone), cards)


@cache
def _line() -> "Line":
    from distribution.jobs import wiring

    return wiring.open_line()


def _newest_runs() -> "list[Run]":
    from distribution.ledger import runs
    from distribution.ledger.connection import Role

    with _line().connect(role=Role.CONSOLE) as conn:
        return runs.newest(conn, 4 * NIGHTS, kind=runs.NIGHTLY)


def _verdict(run: "Run") -> str:
    night = f"The night of {run.business_date:%a %d %b %Y}"
    if run.state != "finished":
        return f"{night} is at work."
    return f"{night} finished.{_ENDS.get(run.exit_code or 0, '')}"


def _when(run: "Run", zone: tzinfo) -> str:
    text = f"Run {run.run_id} · started {run.started_at.astimezone(zone):%H:%M %Z}"
    if run.finished_at:
        seconds = (run.finished_at - run.started_at).total_seconds()
        text += f", finished {run.finished_at.astimezone(zone):%H:%M %Z}"
        text += f" ({seconds // 60:.0f} min {seconds % 60:.0f} s)"
    return text


def _needs(newest: "Run", finished: "Run | None") -> Iterable[tuple[str, str, str, str]]:
    """What waits for a person: look, badge, what it is, what to do."""
    if newest.state != "finished":
        yield "info", "At work", "The run has not finished", "When no task of it runs, clear its failed task."
    if finished is None:
        return
    summary = finished.summary
    if finished.exit_code == 5 or finished.balanced is False:
        yield "bad", "Blocked", "The night is out of balance", "Nothing is sent until a person found out why."
    if finished.exit_code == 4:
        yield "bad", "Refused", "A feed was refused", "See: python -m distribution feed list"
    if failed := _count(summary, "deliveries", "failed"):
        yield (
            "bad",
            "Failed",
            f"{failed:,} scores did not reach their institution",
            "The next run tries again, or waits for the institution: "
            "python -m distribution delivery list --state failed",
        )
    if held := _count(summary, "carried", "held", "closing"):
        yield "info", "For review", f"{held:,} held", "A person decides: python -m distribution hold list"


def _attention(needs: list[tuple[str, str, str, str]]) -> str:
    if not needs:
        return _card("Needs attention", "<p class=second>Nothing needs a person.</p>")
    rows = "".join(
        f"<li><span class='badge {look}'>{escape(badge)}</span>"
        f"<div><strong>{escape(what)}</strong><p>{escape(to_do)}</p></div></li>"
        for look, badge, what, to_do in needs
    )
    return _card("Needs attention", f"<ul class=needs>{rows}</ul>")


def _balance(run: "Run") -> str:
    parts = [
        ("records", "rows received"),
        ("new", "new results"),
        ("corrected", "corrections"),
        ("duplicate", "duplicates"),
        ("held", "rows held"),
    ]
    signs = ["", "=", "+", "+", "+"]
    cells = "".join(
        f"<span class=sign>{sign}</span><div><b>{_count(run.summary, 'received', key):,}</b>"
        f"<small>{label}</small></div>"
        for sign, (key, label) in zip(signs, parts, strict=True)
    )
    look, word = ("good", "✓ Balanced") if run.balanced else ("bad", "Out of balance")
    badge = f"<span class='badge {look}'>{word}</span>"
    return _card("Every row is accounted for", f"<div class=sum>{cells}</div>", badge)


def _channels(summary: Mapping[str, Any]) -> str:
    units = {
        "electronic": _number(len(summary.get("files", [])), "file", "files"),
        "paper": _number(len(summary.get("batches", [])), "batch", "batches"),
        "portal": _number(_count(summary, "schools"), "school", "schools"),
    }
    rows = [
        [f"<i class={channel}></i>{name}", f"{_count(summary, 'deliveries', channel):,}", units[channel]]
        for channel, name in _SENT.items()
    ]
    rows += [
        [f"<i class={state}></i>{state.capitalize()}", f"{_count(summary, 'deliveries', state):,}", ""]
        for state in ("held", "failed", "waiting")
    ]
    return _card("Sent that night", _table(["Channel", "Scores", "In"], rows))


def _carried(summary: Mapping[str, Any]) -> str:
    rows = []
    for name, moves in _CARRIED.items():
        told = " ".join(
            f"{sign} {_count(summary, 'carried', name, key):,} {key}" for key, sign in moves.items()
        )
        rows.append([name.capitalize(), f"{_count(summary, 'carried', name, 'closing'):,}", told])
    return _card("Carried forward", _table(["", "Closing", "Is"], rows))


def _nights(runs: Sequence["Run"]) -> str:
    """The last nights as a stacked chart drawn here, and the same numbers as a table."""
    sent: dict[date, dict[str, int]] = {}
    for run in runs:
        night = sent.setdefault(run.business_date, dict.fromkeys([*_SENT, "failed"], 0))
        for key in night:
            night[key] += _count(run.summary, "deliveries", key)
    nights = sorted(sent.items())[-NIGHTS:]
    rows = [
        [f"{day:%a %d %b}", *(f"{counts[key]:,}" for key in [*_SENT, "failed"])]
        for day, counts in reversed(nights)
    ]
    table = _table(["Night", *_SENT.values(), "Failed"], rows)
    return _card(
        f"Last {NIGHTS} nights",
        f"{_chart(nights)}<details><summary>Show as table</summary>{table}</details>",
        "<small>Scores sent per channel. A red figure: scores that failed.</small>",
    )


def _chart(nights: Sequence[tuple[date, Mapping[str, int]]]) -> str:
    width, height, step = 70 * NIGHTS, 170, 70
    top = max((sum(counts[key] for key in _SENT) for _, counts in nights), default=0) or 1
    marks = [f"<line x1=0 x2={width} y1={height + 20} y2={height + 20} class=axis />"]
    for place, (day, counts) in enumerate(nights):
        left, y = place * step + 12, height + 20.0
        for key in _SENT:
            tall = counts[key] / top * height
            y -= tall
            marks.append(f"<rect class={key} x={left} y={y:.1f} width=46 height={tall:.1f} />")
        if counts["failed"]:
            marks.append(f"<text class=failed x={left + 23} y={y - 5:.1f}>{counts['failed']:,}</text>")
        marks.append(f"<text x={left + 23} y={height + 38}>{day:%a} {day.day}</text>")
    label = f"Scores sent in the last {len(nights)} nights; the table below holds the numbers"
    return f"<svg viewBox='0 0 {width} {height + 45}' role=img aria-label='{label}'>{''.join(marks)}</svg>"


def _count(summary: Mapping[str, Any], *path: str) -> int:
    found: Any = summary
    for key in path:
        found = found.get(key, 0) if isinstance(found, Mapping) else 0
    return found if isinstance(found, int) else 0


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{column}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _card(title: str, body: str, aside: str = "") -> str:
    return f"<section><header><h2>{title}</h2>{aside}</header>{body}</section>"


def _document(headline: str, second: str, cards: Sequence[str]) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Score distribution</title>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<style>{_LOOK.read_text(encoding='utf-8')}</style></head><body><main>"
        f"<h1>{escape(headline)}</h1><p class=second>{escape(second)}</p>{''.join(cards)}"
        "<p class=second>Counts only. Names and scores never come here: see the operations console.</p>"
        "</main></body></html>"
    )
