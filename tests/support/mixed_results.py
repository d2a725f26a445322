"""Mixed results for tests, from a seed: hard names, corrections, cancellations, several scores a student."""

import random
from datetime import date, timedelta

import pandas as pd

from distribution import exams

LAST = (
    "O'Brien", "Nguyễn", "Null", "NA", "García-Márquez", "Łukasiewicz", "Παπαδοπούλου", "Иванова", "-",
    "=SUM(A1)", 'Smith "Jr", III', "de la Cruz, Ana", "محمد", "田中", "Ó Súilleabháin", "Müller", "Çelik",
    "Þórsdóttir", "X", "A" * 60, "None", "nan", "0123", "Əliyev", "Nguyễn", "Ὀδυσσεύς",
)  # fmt: skip
FIRST = ("Ann", "Łukasz", "Anh", "", "Renée", "José", "Zoë", "O", "Jean-Luc", "Ἀχιλλεύς", "B" * 60)


def results(count: int, *, seed: int, institutions: int = 7) -> pd.DataFrame:
    """Deliveries as `ledger.deliveries.contents` gives them, sorted as it sorts."""
    chance = random.Random(seed)
    catalogue = sorted({row.code for row in exams.catalogue() if row.in_force_on(date(2024, 6, 1))})
    rows = []
    while len(rows) < count:
        student = _student(chance, len(rows), institutions)
        for code in chance.sample(catalogue, chance.choice((1, 1, 1, 2, 2, 3, 5, 13))):
            rows.append(student | _result(chance, len(rows), code))
    frame = pd.DataFrame(rows[:count]).astype("str")
    order = ["recipient", "last_name", "first_name", "candidate_id", "exam_code", "result_id"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    return frame.assign(delivery_id=range(count))


def _student(chance: random.Random, number: int, institutions: int) -> dict[str, str]:
    return {
        "recipient": f"44{chance.randrange(institutions):02d}",
        "candidate_id": f"{number:08d}",
        "last_name": chance.choice(LAST),
        "first_name": chance.choice(FIRST),
        "middle_name": chance.choice(("", "", "M", "Thị")),
        "birth_date": str(date(1990, 1, 1) + timedelta(days=chance.randrange(6000))),
        "gender": chance.choice(("F", "M", "X", "")),
        "email": chance.choice(("", "zztest@example.org")),
        "postal_code": chance.choice(("", "00501", "SW1A 1AA")),
        "college_student_id": chance.choice(("", "000123", "A,B")),
    }


def _result(chance: random.Random, number: int, code: str) -> dict[str, str]:
    action = chance.choice("NNNNNCX")
    tested = date(2023, 6, 1) + timedelta(days=chance.randrange(700))
    return {
        "result_id": f"R-{number:07d}",
        "revision": "1" if action == "N" else "2",
        "replaces_revision": "" if action == "N" else "1",
        "action": action,
        "exam_code": code,
        "test_date": tested.isoformat(),
        "scored_on": chance.choice(("", (tested + timedelta(days=9)).isoformat())),
        "scaled_score": str(chance.randint(20, 80)),
        "reasons": chance.choice(("recipient", "recipient dantes", "transcript")),
        "attending_code": chance.choice(("", "331234")),
        "test_center_code": chance.choice(("", "T1001")),
    }


def expected(frame: pd.DataFrame) -> list[dict[str, str]]:
    """What a reader must find for each delivery, worked out row by row."""
    found = []
    for row in frame.to_dict("records"):
        score = "" if row["action"] == "X" else row["scaled_score"]
        tested = date.fromisoformat(row["test_date"])
        credit = exams.recommended_credits(row["exam_code"], int(score), tested) if score else None
        found.append(
            {
                **{
                    name: value
                    for name, value in row.items()
                    if name not in ("delivery_id", "recipient", "reasons")
                },
                "scaled_score": score,
                "reason": row["reasons"],
                "exam_title": exams.title_of(row["exam_code"], tested),
                "recommended_credits": "" if credit is None else str(credit),
            }
        )
    return found
