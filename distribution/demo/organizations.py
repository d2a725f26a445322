"""The organisations of a demo: who is on file, and which of them are chosen as recipients or schools."""

from dataclasses import astuple, dataclass, fields
from functools import cached_property

from distribution.model import Channel, InstitutionKind


@dataclass(frozen=True, slots=True)
class Organization:
    """One row of the institutions feed; the fields are its columns, in their order."""

    code: str
    name: str
    kind: InstitutionKind
    district_code: str = ""
    delivery_method: str = ""
    attention: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = "US"
    status: str = "active"
    successor_code: str = ""
    time_zone: str = ""
    valid_from: str = "2015-07-01"

    @property
    def active(self) -> bool:
        return self.status == "active"

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(str(cell) for cell in astuple(self))


INSTITUTION_COLUMNS = tuple(field.name for field in fields(Organization))


@dataclass(frozen=True)
class Directory:
    """All organisations of a demo. `tag` stands in the ids of its results."""

    organizations: tuple[Organization, ...]
    tag: str = ""

    @cached_property
    def dis(self) -> tuple[Organization, ...]:
        """Active designated institutions on paper or electronic."""
        methods = (Channel.PAPER, Channel.ELECTRONIC)
        return tuple(one for one in self.organizations if one.active and one.delivery_method in methods)

    @cached_property
    def paper(self) -> tuple[str, ...]:
        """Codes of the active DIs on paper that have an address."""
        return tuple(
            one.code
            for one in self.dis
            if one.delivery_method == Channel.PAPER and one.address_1 and one.city
        )

    @cached_property
    def electronic(self) -> tuple[str, ...]:
        """Codes of the active electronic DIs."""
        return tuple(one.code for one in self.dis if one.delivery_method == Channel.ELECTRONIC)

    @cached_property
    def closed(self) -> tuple[Organization, ...]:
        return tuple(one for one in self.organizations if not one.active)

    @cached_property
    def unusual(self) -> tuple[str, ...]:
        """DIs that a recipient's choice can run into: closed, without a method, or on the portal."""
        usual = {one.code for one in self.dis}
        return tuple(one.code for one in self.organizations if len(one.code) == 4 and one.code not in usual)

    @cached_property
    def schools(self) -> tuple[str, ...]:
        return tuple(one.code for one in self.organizations if one.kind == InstitutionKind.HIGH_SCHOOL)

    @cached_property
    def districts(self) -> tuple[str, ...]:
        return tuple(one.code for one in self.organizations if one.kind == InstitutionKind.DISTRICT)

    @cached_property
    def foundations(self) -> tuple[str, ...]:
        return tuple(one.code for one in self.organizations if one.kind == InstitutionKind.FOUNDATION)
