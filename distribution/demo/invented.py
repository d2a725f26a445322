"""The default directory: about 150 invented organisations, the same ones for every seed and day."""

from functools import cache

from distribution.demo.invented_cases import paper_cases, special_cases
from distribution.demo.organizations import Directory, Organization
from distribution.demo.places import TOWNS, time_zone_of
from distribution.model import Channel, InstitutionKind

_PLACES = (
    "Alder Creek",
    "Birch Hollow",
    "Cedar Falls Gap",
    "Dover Plains",
    "Elk Meadow",
    "Fairhaven",
    "Granite Bay",
    "Harbor Point",
    "Iron Ridge",
    "Juniper Flats",
    "Kestrel Lake",
    "Larkspur",
    "Maple Grove",
    "North Fork",
    "Osprey Bend",
    "Pine Barrens",
    "Quarry Hill",
    "Red Mesa",
    "Silver Run",
    "Timber Cove",
    "Upland",
    "Verbena",
    "Willow Springs",
    "Yarrow",
    "Zephyr Hills",
)
_COLLEGES = ("Community College", "State University", "Technical Institute", "College", "University")
_STREETS = (
    "College Avenue",
    "Main Street",
    "University Drive",
    "Campus Way",
    "Old Mill Road",
    "Lincoln Boulevard",
)
_DISTRICTS = ("Aspen County", "Bear Valley", "Copper Basin", "Delta Parish", "Eastlake", "Flathead")

ELECTRONIC, PAPER, SCHOOLS, DISTRICTS = 60, 50, 40, 6


@cache
def invented_directory() -> Directory:
    """60 electronic and 50 paper DIs, 40 schools in 6 districts, and the special cases."""
    return Directory((*_electronic(), *_paper(), *special_cases(), *_districts(), *_schools()))


def _college(number: int, code: str, method: str) -> Organization:
    place = _PLACES[number % len(_PLACES)]
    sort = _COLLEGES[(number // len(_PLACES) + number) % len(_COLLEGES)]
    town = TOWNS[number % len(TOWNS)]
    return Organization(
        code=code,
        name=f"{place} {sort}",
        kind=InstitutionKind.UNIVERSITY if "University" in sort else InstitutionKind.COLLEGE,
        delivery_method=method,
        attention=("Registrar", "Office of Testing", "Transfer Credit Evaluation")[number % 3],
        address_1=f"{100 + 37 * number} {_STREETS[number % len(_STREETS)]}",
        address_2=f"Suite {number}" if number % 7 == 0 else "",
        city=town.city,
        state=town.state,
        postal_code=town.postal_code,
        time_zone=time_zone_of(town.state) if number % 5 else "",
    )


def _electronic() -> list[Organization]:
    # Codes with leading zeros on purpose: a program that reads them as numbers loses them.
    codes = ["4471", "0042", *(f"{1100 + 13 * number:04d}" for number in range(ELECTRONIC - 2))]
    return [_college(number, code, Channel.ELECTRONIC) for number, code in enumerate(codes)]


def _paper() -> list[Organization]:
    domestic = PAPER - len(paper_cases())
    codes = ["0007", *(f"{5200 + 17 * number:04d}" for number in range(domestic - 1))]
    return [_college(60 + number, code, Channel.PAPER) for number, code in enumerate(codes)] + paper_cases()


def _districts() -> list[Organization]:
    return [
        Organization(
            code=f"4790{number:02d}",
            name=f"{name} School District",
            kind=InstitutionKind.DISTRICT,
            delivery_method=Channel.PORTAL,
            address_1=f"{number + 1} District Plaza",
            city=TOWNS[number].city,
            state=TOWNS[number].state,
            postal_code=TOWNS[number].postal_code,
        )
        for number, name in enumerate(_DISTRICTS)
    ]


def _schools() -> list[Organization]:
    schools = []
    for number in range(SCHOOLS):
        town = TOWNS[number % DISTRICTS]
        schools.append(
            Organization(
                code=f"47{1000 + 11 * number:04d}",
                name=f"{_PLACES[number % len(_PLACES)]} {('High School', 'Academy')[number // len(_PLACES)]}",
                kind=InstitutionKind.HIGH_SCHOOL,
                district_code=f"4790{number % DISTRICTS:02d}",
                delivery_method=Channel.PORTAL,
                address_1=f"{10 + 3 * number} School Road",
                city=town.city,
                state=town.state,
                postal_code=town.postal_code,
                time_zone=time_zone_of(town.state),
            )
        )
    return schools
