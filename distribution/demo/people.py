"""Invented people: names of many languages, and the surnames that careless programs lose."""

import random
from dataclasses import dataclass

import numpy as np

from distribution.demo.chance import Cells, Chance, cells, pick


@dataclass(frozen=True, slots=True)
class Language:
    """The names of one language; `share` is its part of a hundred candidates."""

    share: int
    surnames: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


LANGUAGES = (
    Language(
        44,
        _words(
            "Adams Baker Carter Dawson Ellis Foster Grant Hayes Irving Jensen Kendall Lawson Mercer Norris "
            "Osborne Parker Quincy Reeves Sawyer Turner Underwood Vaughn Walker Young O'Brien O'Connor "
            "D'Angelo McAllister Smith-Jones Whitfield-Hughes St.Clair Abernathy Blackwood Copeland Delaney"
        ),
        _words(
            "Abigail Beth Charlotte Dana Emily Faith Grace Hannah Ivy Jane Kate Lily Molly Nora Olive Piper"
        ),
        _words("Aaron Ben Caleb Daniel Ethan Felix George Henry Isaac Jack Kyle Liam Mason Noah Owen Peter"),
    ),
    Language(
        20,
        _words(
            "García Hernández Martínez López González Pérez Sánchez Ramírez Núñez Peña Ibáñez Ordóñez Muñoz "
            "Castañeda Güiraldes Álvarez-Ruiz Vásquez Domínguez Ríos Zúñiga"
        ),
        _words("María Lucía Sofía Inés Begoña Ángela Concepción Ximena Rocío Belén"),
        _words("José Jesús Andrés Íñigo Ramón Tomás Raúl Óscar Adrián Nicolás"),
    ),
    Language(
        10,
        _words("Nguyễn Trần Lê Phạm Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý"),
        _words("Thị Hương Lan Ngọc Thảo Yến Phượng Hiền Diễm Tuyết"),
        _words("Văn Đức Hữu Quốc Tuấn Dũng Hùng Khánh Phúc Thắng"),
    ),
    Language(
        6,
        _words(
            "Łukasiewicz Wójcik Kowalczyk Zieliński Woźniak Dąbrowski Kozłowski Jabłoński Król Gołąb Świątek"
        ),
        _words("Małgorzata Agnieszka Zofia Elżbieta Bożena Żaneta"),
        _words("Łukasz Michał Paweł Grzegorz Wojciech Stanisław Józef"),
    ),
    Language(
        6,
        _words("Müller Schröder Weiß Groß Jäger Köhler Böhm Krüger Schäfer Strauß-Öhlmann"),
        _words("Käthe Jördis Änne Ursula Heike Grete"),
        _words("Jürgen Björn Günther Sören Götz Matthias"),
    ),
    Language(
        6,
        _words(
            "Lefèvre Béranger Çelik-Garçon Françoise Dûchesne Lemaître Noël Hœllebecq L'Hôpital D'Aubigné"
        ),
        _words("Zoé Chloë Hélène Maëlle Anaïs Thérèse"),
        _words("François Loïc Benoît Gaël Éric Jérôme"),
    ),
    Language(
        4,
        _words("Παπαδόπουλος Γεωργίου Δημητρίου Οικονόμου Χατζής Νικολαΐδης"),
        _words("Ελένη Αικατερίνη Σοφία Ιωάννα"),
        _words("Γιώργος Δημήτρης Ανδρέας Νίκος"),
    ),
    Language(
        4,
        _words("Иванова Кузнецов Шевченко Щербакова Ковальчук Йорданов Ђорђевић"),
        _words("Анна Ольга Юлія Наталья"),
        _words("Дмитрий Сергей Євген Олексій"),
    ),
)

# Each day's first candidates carry these, each with a paper, an electronic and a portal recipient.
SHOWCASE = (
    ("Null", "Ada", ""),
    ("None", "Bruno", ""),
    ("NaN", "Cara", ""),
    ("NA", "Dov", "Na"),
    ("N-A", "Edda", ""),
    ("007", "James", ""),
    ("True", "Faye", ""),
    ("False", "Gus", ""),
    ("Nil", "Hana", "Null"),
    ("Undefined", "Ike", ""),
    ("Inf", "Jo", ""),
    ("Nguyễn", "Thị Minh", "Khai"),
    ("Łukasz", "Łucja", "Żaneta"),
    ("O'Brien", "Siobhán", ""),
    ("D'Angelo", "Niccolò", ""),
    ("Smith-Jones", "Mary-Kate", ""),
    ("Παπαδοπούλου", "Ελένη", ""),
    ("Шевченко", "Олександр", ""),
    ("Müller-Weiß", "Jürgen", ""),
    ("Lefèvre", "François", "Noël"),
    ("van der Berg", "Anneke", ""),
    ("García Márquez", "José María", ""),
    ("De La Cruz", "Íñigo", ""),
    ("Ng", "Y", ""),
)


def draw_names(chance: Chance, persons: np.ndarray) -> tuple[Cells, Cells, Cells, Cells]:
    """Last, first and middle names and genders of the persons numbered in `persons` (int64)."""
    size = int(persons[-1]) + 1 if len(persons) else 0
    shares = np.cumsum([one.share for one in LANGUAGES])
    language = np.searchsorted(shares, chance.draw("language", size) * shares[-1], "right")
    woman = chance.draw("woman", size) < 0.54
    surname, given, middle = (chance.draw(word, size) for word in ("surname", "given", "middle"))
    last, first, second = cells(size), cells(size), cells(size)
    for number, one in enumerate(LANGUAGES):
        here = language == number
        last[here] = pick(one.surnames, surname[here])
        for chosen, names in ((here & woman, one.women), (here & ~woman, one.men)):
            first[chosen] = pick(names, given[chosen])
            second[chosen] = pick(names, middle[chosen])
    second[chance.draw("has middle", size) > 0.4] = ""
    gender = np.where(woman, "F", "M").astype(object)
    gender[chance.draw("other gender", size) < 0.02] = "X"
    gender[chance.draw("no gender", size) < 0.03] = ""
    return last[persons], first[persons], second[persons], gender[persons]


def invent_staff(dice: random.Random) -> str:
    """The name of one member of a school's or college's staff."""
    one = dice.choices(LANGUAGES, weights=[language.share for language in LANGUAGES])[0]
    return f"{dice.choice(one.women + one.men)} {dice.choice(one.surnames)}"
