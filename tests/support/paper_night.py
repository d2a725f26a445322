"""A night of paper: few and many students, names of four scripts, corrections, cancellations."""

import random
from datetime import date

from distribution import exams
from distribution.jobs.wiring import Line
from distribution.ledger import runs
from tests.support import records

NIGHT = date(2026, 11, 23)

# No invented name holds a lone F, M or X: those letters by themselves would be a gender.
_LAST = (
    "Nguyễn", "Wiśniewski", "Παπαδοπούλου", "Иванов", "O'Brien", "Smith-Jones", "García Márquez", "Null",
    "Đặng", "Ğüneş", "Þórsdóttir", "Kovaľ", "Štěpánková", "Żółkiewski", "Ћирић", "Müller-Lüdenscheidt",
    "Fitzwilliam-Cavendish-Bentinck", "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren", "Ō",
    "van der Berg",
)  # fmt: skip
_FIRST = (
    "Thị Minh", "Łukasz", "Ελένη", "Дмитрий", "Seán", "Alexandra Beatrice", "José", "Ánh", "İpek", "Guðrún",
    "Bartholomew Maximilian Alexander Christopher Emmanuel Joseph", "Zoë", "NaN", "Ngọc Bích", "",
)  # fmt: skip
_TITLES = ("Registrar", "Office of the Registrar", "Admissions and Records", "Oficina del Registrador")
_NAMES = ("College", "State University", "Community College District", "Institute of Applied Technology")
_ABROAD = (("AT", "Wien", "1010"), ("FR", "Saint-Amand-les-Eaux", "59230"), ("JP", "Tokyo", "108-8345"))
_TEST_DAYS = (date(2019, 3, 9), date(2022, 7, 1), date(2024, 5, 18), date(2026, 11, 14))


def owe_pieces(line: Line, pieces: int, *, seed: int = 1) -> None:
    """That many paper institutions, each with one to a hundred students that are owed to it."""
    chance = random.Random(seed)
    titles = {day: [row.code for row in exams.catalogue() if row.in_force_on(day)] for day in _TEST_DAYS}
    candidate = 0
    with line.connect() as conn:
        for number in range(pieces):
            code = f"{number:04d}"
            records.institution(conn, code, **_address(chance, number))
            for _ in range(_students(chance)):
                candidate += 1
                _owe_student(conn, chance, titles, code, candidate)


def a_run(line: Line) -> str:
    with line.connect() as conn:
        run = runs.open_run(conn, kind="nightly", on=NIGHT, only_channel=None, started_at=line.now())
    return run.run_id


def _students(chance: random.Random) -> int:
    """Most institutions have one or two students in a night, a few have many."""
    return (
        chance.choice((1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 8))
        if chance.random() < 0.985
        else chance.randint(30, 100)
    )


def _address(chance: random.Random, number: int) -> dict:
    named = {
        "name": f"{chance.choice(('North', 'Saint', 'Great Lakes', 'Lower'))} Vale {chance.choice(_NAMES)}",
        "kind": "college",
        "delivery_method": "paper",
        "attention": chance.choice(_TITLES),
        "address_1": f"{number + 1} Founders Hall",
        "address_2": chance.choice(("", "", "Suite 14")),
    }
    if chance.random() < 0.03:
        country, city, postal_code = chance.choice(_ABROAD)
        return {**named, "country": country, "city": city, "state": "", "postal_code": postal_code}
    zip_code = f"{chance.randrange(10_000, 99_950):05d}" + (f"-{number:04d}" if chance.random() < 0.7 else "")
    return {
        **named,
        "city": "Cedar Falls",
        "state": chance.choice(("IA", "CA", "NY")),
        "postal_code": zip_code,
    }


def _owe_student(conn, chance: random.Random, titles: dict, code: str, candidate: int) -> None:
    person = {
        "candidate_id": f"K{candidate:07d}",
        "last_name": chance.choice(_LAST),
        "first_name": chance.choice(_FIRST),
        "college_student_id": chance.choice(("", f"U-{candidate:06d}")),
        "gender": chance.choice(("F", "M", "X")),
        "birth_date": date(chance.randint(1961, 2008), chance.randint(1, 12), chance.randint(1, 28)),
    }
    scores = 1 if chance.random() < 0.85 else chance.choice((2, 3, 24))
    for score in range(scores):
        day = chance.choice(_TEST_DAYS)
        action = chance.choices("NCX", weights=(90, 7, 3))[0]
        version = records.result(
            conn,
            f"R-{candidate}-{score}",
            exam_code=chance.choice(titles[day]),
            test_date=day,
            scaled_score=chance.randint(20, 80),
            **person,
        )
        records.owe(conn, version, code, action, channel="paper", reasons=["recipient"])
