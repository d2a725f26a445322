"""The special cases of the invented directory, each there for a rule of the line."""

from distribution.demo.organizations import Organization
from distribution.model import Channel, InstitutionKind


def paper_cases() -> list[Organization]:
    """DIs on paper that need care: abroad, military, a long name, no address, a government office."""
    college, paper = InstitutionKind.COLLEGE, Channel.PAPER
    return [
        Organization(
            code="6101",
            name="Maple Leaf Polytechnic",
            kind=college,
            delivery_method=paper,
            attention="Registrar",
            address_1="88 Front Street West",
            city="Toronto",
            state="ON",
            postal_code="M5J 2X2",
            country="CA",
            time_zone="America/Toronto",
        ),
        Organization(
            code="6103",
            name="Université Saint-Aubin",
            kind=InstitutionKind.UNIVERSITY,
            delivery_method=paper,
            attention="Bureau du registraire",
            address_1="1200 rue Sherbrooke Ouest",
            city="Montréal",
            state="QC",
            postal_code="H3A 1H6",
            country="CA",
            time_zone="America/Toronto",
        ),
        Organization(
            code="6105",
            name="Thornbury College London",
            kind=college,
            delivery_method=paper,
            attention="Admissions",
            address_1="14 Gower Walk",
            city="London",
            postal_code="E1 8PY",
            country="GB",
            time_zone="Europe/London",
        ),
        Organization(
            code="6107",
            name="Hochschule Grünau",
            kind=college,
            delivery_method=paper,
            attention="Prüfungsamt",
            address_1="Lindenstraße 21",
            city="Berlin",
            postal_code="10969",
            country="DE",
            time_zone="Europe/Berlin",
        ),
        Organization(
            code="6109",
            name="Joint Base Ridgeway Education Center",
            kind=InstitutionKind.MILITARY,
            delivery_method=paper,
            attention="Education Services Officer",
            address_1="Building 1402",
            address_2="Warrior Road",
            city="Fort Ridgeway",
            state="NC",
            postal_code="28310",
        ),
        Organization(
            code="6111",
            name="The Consolidated Technical and Community College District of the Upper Great Plains",
            kind=college,
            delivery_method=paper,
            attention="Office of the Registrar and Academic Records",
            address_1="4100 North Prairie Junction Parkway",
            address_2="Building 7, Lower Level",
            city="Lincoln",
            state="NE",
            postal_code="68508",
            time_zone="America/Chicago",
        ),
        Organization(
            code="6113",
            name="Wandering River College",
            kind=college,
            delivery_method=paper,
        ),
        Organization(
            code="6115",
            name="Office of Workforce Credentials",
            kind=InstitutionKind.GOVERNMENT,
            delivery_method=paper,
            attention="Credential Desk",
            address_1="1 Capitol Square",
            city="Albany",
            state="NY",
            postal_code="12207",
        ),
    ]


def special_cases() -> list[Organization]:
    """Closed DIs (three with a successor), one without a method, a college on the portal, a foundation."""
    college = InstitutionKind.COLLEGE
    closed = {"status": "closed", "valid_from": "2025-07-01"}
    return [
        Organization(
            code="7001",
            name="Old Harbor College",
            kind=college,
            successor_code="4471",
            **closed,
        ),
        Organization(
            code="7003",
            name="Saint Brendan Junior College",
            kind=college,
            successor_code="0007",
            **closed,
        ),
        Organization(
            code="7005",
            name="Prairie Normal School",
            kind=college,
            successor_code="5217",
            **closed,
        ),
        Organization(
            code="7007",
            name="Lakeside Business College",
            kind=college,
            **closed,
        ),
        Organization(
            code="7009",
            name="Newly Chartered College",
            kind=college,
        ),
        Organization(
            code="7011",
            name="Early College of the Sound",
            kind=college,
            delivery_method=Channel.PORTAL,
            attention="Registrar",
            address_1="9 Ferry Lane",
            city="Eugene",
            state="OR",
            postal_code="97401",
        ),
        Organization(
            code="7013",
            name="Open Door Credit Foundation",
            kind=InstitutionKind.FOUNDATION,
            attention="Grants",
            address_1="77 Charity Row",
            city="Dayton",
            state="OH",
            postal_code="45402",
        ),
    ]
