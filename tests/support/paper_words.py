"""Reads the words of a batch's sheets as a registrar would, and holds them to the ledger."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from distribution import exams
from tests.support.paper_reading import CANDIDATE, COLLEGE_ID, Batch

_SCORE = re.compile(
    r"^\s*(?P<title>\S.*?)(?: ?†)?\s{2,}(?P<day>\d{4}-\d\d-\d\d)\s+"
    r"(?:(?P<cancelled>Score cancelled)|(?P<score>\d\d)\s+(?P<credits>\d+|—))$",
    re.MULTILINE,
)
_REPORTED = re.compile(r"^\s*(\d+) scores? reported(?: · (\d+) cancelled)?$", re.MULTILINE)
_ROSTER = re.compile(r"^(?:Score reports for \d+ students|Students, continued)$", re.MULTILINE)
_ROSTER_ROW = re.compile(r"(K\d{7})\s+(\d+)\s+(\d+)$", re.MULTILINE)
_ROSTER_TOTAL = re.compile(
    r"^Total: (\d+) students(?: · (\d+) cancelled scores? not counted)?\s+(\d+)$", re.MULTILINE
)
_CORRECTED, _CANCELLED = "corrected", "cancelled"
_NOTES = {
    "Corrected report — replaces the score reported earlier": _CORRECTED,
    "Please remove from your records any score reported earlier for this test.": _CANCELLED,
}
_HEADS = {"CORRECTED REPORT": _CORRECTED, "SCORE CANCELLED": _CANCELLED}
_INSIDE = {
    "Corrected report inside": {_CORRECTED},
    "Cancelled score inside": {_CANCELLED},
    "Corrected report and cancelled score inside": {_CORRECTED, _CANCELLED},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Every text by which a student is told from another."""

    candidate_id: str
    name: str
    college_id: str


@dataclass(slots=True)
class Read:
    """What the sheets say: each score's line; by piece and candidate where a report begins and its head."""

    lines: Counter[tuple] = field(default_factory=Counter)
    begins: dict[tuple[str, str], str] = field(default_factory=dict)
    heads: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    totals: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    rosters: dict[str, str] = field(default_factory=dict)


def compare_words(batch: Batch, contents: pd.DataFrame) -> int:
    """Read every sheet's words and compare them with the ledger's deliveries; the number of scores read.

    `contents` as `ledger.deliveries.contents` gives it for the batch. Asserts that no sheet but a roster
    shows a text of two students, that each score, name and id stands on the right piece and says whether it
    is corrected or cancelled, and that rosters count what is there.
    """
    people = _people(contents)
    expected = Counter(_expected(row) for row in contents.to_dict("records"))
    read = Read()
    for row, text, as_set in batch.sheets():
        if _ROSTER.search(text):
            read.rosters[row["piece"]] = read.rosters.get(row["piece"], "") + text
            _assert_named(CANDIDATE.findall(text), people, as_set)
        else:
            _read_report(read, row, text, as_set, people)
    assert read.lines == expected, (
        list((read.lines - expected).items())[:3],
        list((expected - read.lines).items())[:3],
    )
    _compare_students(read, expected)
    _compare_rosters(read, expected)
    return sum(read.lines.values())


# Reports ----------------------------------------------------------------------------------------------------
def _read_report(read: Read, row: dict[str, str], text: str, as_set: str, people: dict[str, Person]) -> None:
    candidates = set(CANDIDATE.findall(text))
    assert len(candidates) == 1, f"{row['piece']} sheet {row['sheet']} names {len(candidates)} students"
    person = people[candidates.pop()]
    _assert_alone(person, people, as_set)
    place = (row["piece"], person.candidate_id)
    if "Candidate ID" in text:
        assert read.begins.setdefault(place, row["sheet"]) == row["sheet"], "a report begins once"
        read.heads[place] = {kind for words, kind in _HEADS.items() if words in text}
        assert COLLEGE_ID.findall(text) == ([person.college_id] if person.college_id else [])
        assert ("Your student ID" in text) == bool(person.college_id)
    for score, notes in _scores_with_notes(text):
        read.lines[*place, *_as_read(score), _kind_in(notes)] += 1
    for scores, cancelled in _REPORTED.findall(text):
        assert place not in read.totals, "a report ends once"
        read.totals[place] = (int(scores), int(cancelled or 0))


def _assert_alone(person: Person, people: dict[str, Person], as_set: str) -> None:
    """The student's own texts stand on a sheet, and none of any other student's of the batch."""
    _assert_named([person.candidate_id], people, as_set)
    rest = _unbroken(as_set).replace(_unbroken(person.name), "")
    others = {_unbroken(other.name) for other in people.values()} - {_unbroken(person.name)}
    found = [name for name in others if name in rest]
    assert not found, "a sheet with the name of another student"
    assert set(COLLEGE_ID.findall(as_set)) <= {person.college_id}, "a sheet with another student's number"


def _assert_named(candidates: list[str], people: dict[str, Person], as_set: str) -> None:
    words = _unbroken(as_set)
    for candidate in candidates:
        assert _unbroken(people[candidate].name) in words, "the name as the ledger has it"


def _scores_with_notes(text: str) -> list[tuple[dict[str, str | None], str]]:
    """Each line of a table with what stands below it, up to the next."""
    found = list(_SCORE.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(match.groupdict(), text[match.end() : end]) for match, end in zip(found, ends, strict=True)]


def _kind_in(notes: str) -> str:
    return " and ".join(kind for words, kind in _NOTES.items() if words in notes)


def _as_read(score: dict[str, str | None]) -> tuple:
    return (score["title"], score["day"], score["score"] or "", score["credits"] or "")


def _compare_students(read: Read, expected: Counter[tuple]) -> None:
    """What stands at the head and at the end of each report is what its lines are."""
    kinds = _by_student(expected)
    assert read.begins.keys() == kinds.keys()
    assert read.heads == {place: set(found) - {""} for place, found in kinds.items()}
    assert read.totals == {
        place: (found.total() - found[_CANCELLED], found[_CANCELLED]) for place, found in kinds.items()
    }


# Rosters ----------------------------------------------------------------------------------------------------
def _compare_rosters(read: Read, expected: Counter[tuple]) -> None:
    """Each piece of several students lists them all, with scores, changes and first sheet."""
    kinds = _by_student(expected)
    students = Counter(piece for piece, _ in kinds)
    assert read.rosters.keys() == {piece for piece, count in students.items() if count > 1}
    for piece, text in read.rosters.items():
        rows = {candidate: rest for candidate, *rest in _roster_rows(text)}
        own = {candidate: found for (number, candidate), found in kinds.items() if number == piece}
        assert rows == {
            candidate: [found.total() - found[_CANCELLED], read.begins[piece, candidate], set(found) - {""}]
            for candidate, found in own.items()
        }
        cancelled = sum(found[_CANCELLED] for found in own.values())
        scores = sum(found.total() for found in own.values()) - cancelled
        ((listed, apart, total),) = _ROSTER_TOTAL.findall(text)
        assert (int(listed), int(apart or 0), int(total)) == (len(own), cancelled, scores)


def _roster_rows(text: str) -> list[tuple[str, int, str, set[str]]]:
    found = list(_ROSTER_ROW.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    rows = []
    for match, end in zip(found, ends, strict=True):
        below = {line.strip() for line in text[match.end() : end].splitlines()}
        inside = [kinds for words, kinds in _INSIDE.items() if words in below]
        assert len(inside) <= 1
        rows.append((match[1], int(match[2]), match[3], inside[0] if inside else set()))
    return rows


# The ledger's side ------------------------------------------------------------------------------------------
def _by_student(lines: Counter[tuple]) -> dict[tuple[str, str], Counter[str]]:
    """How many lines of each kind stand for a piece and candidate."""
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for (piece, candidate, *_, kind), count in lines.items():
        kinds.setdefault((piece, candidate), Counter())[kind] += count
    return kinds


def _people(contents: pd.DataFrame) -> dict[str, Person]:
    given = contents["first_name"] + " " + contents["middle_name"]
    names = (contents["last_name"] + ", " + given.str.strip()).str.rstrip(", ")
    numbers = zip(contents["candidate_id"], names, contents["college_student_id"], strict=True)
    return {candidate: Person(candidate, name, college_id) for candidate, name, college_id in numbers}


def _unbroken(words: str) -> str:
    """Without blanks: a name longer than its line is broken."""
    return re.sub(r"\s", "", words)


def _expected(row: dict) -> tuple:
    day = date.fromisoformat(row["test_date"])
    title = exams.title_of(row["exam_code"], day)
    place = (f"{int(row['piece']):04d}", row["candidate_id"], title, row["test_date"])
    if row["action"] == "X" or row["status"] != "scored":
        return (*place, "", "", _CANCELLED)
    credits = exams.recommended_credits(row["exam_code"], int(row["scaled_score"]), day)
    kind = _CORRECTED if row["action"] == "C" else ""
    return (*place, row["scaled_score"], "—" if credits is None else str(credits), kind)
