"""The contacts of a demo's organisations: primary, coordinator, alternate, billing, technical."""

import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields

from distribution.demo.organizations import Directory, Organization
from distribution.demo.people import invent_staff
from distribution.model import SCHOOL_KINDS, Channel, ContactRole, InstitutionKind


@dataclass(frozen=True, slots=True)
class Contact:
    """One row of the contacts feed."""

    organization_code: str
    role: str
    name: str
    email: str
    valid_from: str = "2020-07-01"
    valid_to: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        return astuple(self)


CONTACT_COLUMNS = tuple(field.name for field in fields(Contact))
UNKNOWN_ORGANIZATION = "489999"
_EVERY_SCHOOL_WITHOUT_PRIMARY = 13


def contacts_of(directory: Directory) -> list[Contact]:
    """The full picture of all contacts: the same for every seed and day."""
    dice = random.Random("contacts")
    contacts = []
    schools = 0
    for organization in directory.organizations:
        schools += organization.kind == InstitutionKind.HIGH_SCHOOL
        for role in _roles(organization, schools):
            contacts.append(_contact(organization, role, invent_staff(dice)))
    contacts.extend(_special_cases(directory))
    return contacts


def _roles(organization: Organization, school: int) -> Iterator[ContactRole]:
    if not organization.active:
        return
    is_school = organization.kind == InstitutionKind.HIGH_SCHOOL
    if not (is_school and school % _EVERY_SCHOOL_WITHOUT_PRIMARY == 5):
        yield ContactRole.PRIMARY
    if organization.kind in SCHOOL_KINDS:
        yield ContactRole.COORDINATOR
        if school % 3 == 0:
            yield ContactRole.ALTERNATE
    if organization.kind == InstitutionKind.FOUNDATION or (is_school and school % 4 == 0):
        yield ContactRole.BILLING
    if organization.delivery_method == Channel.ELECTRONIC:
        yield ContactRole.TECHNICAL


def _contact(organization: Organization, role: ContactRole, name: str) -> Contact:
    return Contact(organization.code, role, name, f"{role}@o{organization.code}.example.org")


def _special_cases(directory: Directory) -> Iterator[Contact]:
    """A coordinator who has left, one of two schools, and a contact of nobody on file (to be held)."""
    if len(directory.schools) < 3:
        return
    first, second, third = directory.schools[:3]
    yield Contact(
        first, ContactRole.COORDINATOR, "Pat Gone", f"gone@o{first}.example.org", "2018-07-01", "2020-06-30"
    )
    for school in (second, third):
        yield Contact(
            school, ContactRole.COORDINATOR, "Robin Both", f"robin.both@o{second}.example.org", "2024-07-01"
        )
    yield Contact(
        UNKNOWN_ORGANIZATION,
        ContactRole.PRIMARY,
        "Nobody Home",
        f"nobody@o{UNKNOWN_ORGANIZATION}.example.org",
    )
