"""Twelve fixed pieces that are hardest to set, for whoever changes words or design. All invented."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from distribution.channels.paper import layout
from distribution.channels.paper.content import LineKind, Piece, ScoreLine, Student
from distribution.model import PostalAddress

ADDRESS = PostalAddress(
    name="North Valley State University",
    attention="Office of the Registrar",
    address_1="1200 Founders Hall",
    address_2="Suite 14",
    city="Cedar Falls",
    state="IA",
    postal_code="50613-0001",
)
IMB = "01234567094987654321506130001"  # the published example's digits, this ZIP code
_LONGEST_LINES = replace(
    ADDRESS,
    name="Interdenominational Conservatory of Music and Sacred Arts of Greater Northfield-Saint Amand",
    attention="Office of Admissions, Records and Transfer Credits",
    address_1="1801 East Fourth Street, Student Services Building, Third Floor, Room 311",
    address_2="",
    city="Lake Wilhelmina-Fitzgerald Heights",
)
_SEVEN_LINES = replace(
    ADDRESS,
    name="Escuela Superior de Enfermería y Ciencias de la Salud Nuestra Señora de la Providencia",
    attention="Oficina del Registrador, Evaluación de Expedientes",
    address_1="Avenida Ponce de León 1801, Edificio de Servicios al Estudiante, Tercer Piso, Oficina 311",
    address_2="Urbanización Industrial",
    city="San Juan",
    state="PR",
    postal_code="00901-0001",
)
_ABROAD = PostalAddress(
    name="Université Libre de Saint-Amand-les-Eaux",
    attention="Service des inscriptions",
    address_1="12, rue de l’Église",
    city="Saint-Amand-les-Eaux",
    postal_code="59230",
    country="FR",
)
_NAMES = (
    "Nguyễn, Thị Minh",
    "Wiśniewski, Łukasz",
    "Παπαδοπούλου, Ελένη",
    "Иванов, Дмитрий Сергеевич",
    "O'Brien, Seán",
    "Smith-Jones, Alexandra Beatrice",
    "García Márquez, José",
    "Null",
)
_TITLES = (
    "College Mathematics",
    "Western Civilization II: 1648 to the Present",
    "Introductory Psychology",
    "Human Growth and Development",
)


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """One case: its name as it stands in file names, and its envelopes in order."""

    name: str
    pieces: tuple[Piece, ...]


def edge_cases() -> tuple[EdgeCase, ...]:
    """The twelve cases, always alike."""
    return tuple(
        EdgeCase(name, tuple(replace(piece, number=number) for number, piece in enumerate(make(), start=1)))
        for name, make in _CASES.items()
    )


def _line(number: int = 0, kind: LineKind = LineKind.SCORE, *, essays: bool = False) -> ScoreLine:
    cancelled = kind is LineKind.CANCELLED
    title = "College Composition" if essays else _TITLES[number % len(_TITLES)]
    return ScoreLine(
        delivery_id=number,
        kind=kind,
        title=title,
        test_date=f"2026-{1 + number % 11:02d}-{1 + number % 28:02d}",
        score="" if cancelled else str(20 + number * 7 % 61),
        credits="" if cancelled else "—" if number % 5 == 4 else str(3 + 3 * (number % 3 == 0)),
        essays=essays,
        other_name="",
    )


def _student(number: int, *lines: ScoreLine, name: str = "") -> Student:
    own = name or f"{_NAMES[number % len(_NAMES)]}"
    return Student(f"{number:09d}", own, f"U{number:07d}" if number % 2 else "", lines or (_line(number),))


def _piece(*students: Student, address: PostalAddress = ADDRESS, imb: str = "") -> list[Piece]:
    return [Piece("4471", address, students, imb=imb)]


def _students(count: int) -> tuple[Student, ...]:
    return tuple(_student(number) for number in range(1, count + 1))


def _corrections() -> list[Piece]:
    kinds = tuple(_line(number, LineKind.CORRECTED) for number in range(4))
    other = replace(_line(5, LineKind.CORRECTED), other_name="Moreau-Delacroix, Adélaïde")
    return _piece(_student(1, *kinds), _student(2, other))


def _cancellations() -> list[Piece]:
    mixed = (_line(1), _line(2, LineKind.CANCELLED), _line(3, LineKind.CORRECTED))
    return _piece(_student(1, *mixed), _student(2, _line(4, LineKind.CANCELLED)))


def _sixty_characters() -> list[Piece]:
    unbroken = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis"
    given = "Maximiliana Wilhelmina Alexandrina Bernadette Constanze Emma"
    return _piece(_student(1, name=f"{unbroken}, {given} {given}"), _student(2, name="Ő"))


def _essays() -> list[Piece]:
    return _piece(_student(1, _line(1, essays=True), _line(2)), imb=IMB)


_CASES: dict[str, Callable[[], list[Piece]]] = {
    "one-student": lambda: _piece(*_students(1), imb=IMB),
    "three-students": lambda: _piece(*_students(3), imb=IMB),
    "four-students": lambda: _piece(*_students(4)),
    "four-hundred-students": lambda: layout.divide("4471", ADDRESS, _students(400)),
    "foreign-address": lambda: _piece(*_students(2), address=_ABROAD),
    "longest-lines": lambda: _piece(*_students(2), address=_LONGEST_LINES, imb=IMB),
    "seven-line-address": lambda: _piece(*_students(2), address=_SEVEN_LINES),
    "all-corrections": _corrections,
    "mixed-cancellations": _cancellations,
    "sixty-character-name": _sixty_characters,
    "many-scores": lambda: _piece(_student(1, *(_line(number) for number in range(45)))),
    "essays": _essays,
}
