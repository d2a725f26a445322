"""Eligibility: which organisations get an access code, and why others do not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from distribution.model import CodeState


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation that ordered in the window, as it is on the day of the mailing.

    `contact_email` is that of the primary contact in force, empty where there is none.
    """

    code: str
    name: str
    is_active: bool
    contact_name: str = ""
    contact_email: str = ""


@dataclass(frozen=True, slots=True)
class LiveCode:
    """A code of the year that is neither revoked nor expired, and where its last mail went."""

    code_id: int
    state: CodeState
    mailed_to: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Every organisation that ordered, in exactly one list; all but `closed` are eligible."""

    to_mint: tuple[Organization, ...] = ()
    to_mail: tuple[Organization, ...] = ()
    kept: tuple[Organization, ...] = ()
    bounced: tuple[Organization, ...] = ()
    no_contact: tuple[Organization, ...] = ()
    closed: tuple[Organization, ...] = ()

    @property
    def eligible(self) -> int:
        return sum(map(len, (self.to_mint, self.to_mail, self.kept, self.bounced, self.no_contact)))


def order_window(year: int, *, start: str = "06-01", windows: int = 2) -> tuple[date, date]:
    """First and last day of the orders that make eligible for an academic year.

    For 2027-28: 2025-06-01 to 2027-05-31, two yearly windows that begin on 1 June.
    """
    first = date.fromisoformat(f"{year - windows}-{start}")
    return first, date.fromisoformat(f"{year}-{start}") - timedelta(days=1)


def sort_out(organizations: Collection[Organization], live: Mapping[str, LiveCode]) -> Sorted:
    """Put each organisation that ordered into exactly one list.

    `live`: the live codes of the year by organisation. Who has one keeps it, whatever else has changed; one
    that was never mailed, or came back from an address that is no longer the contact's, is to be mailed.
    """
    lists: dict[str, list[Organization]] = {name: [] for name in Sorted.__dataclass_fields__}
    for organization in sorted(organizations, key=lambda each: each.code):
        lists[_list_of(organization, live.get(organization.code))].append(organization)
    return Sorted(**{name: tuple(members) for name, members in lists.items()})


def _list_of(organization: Organization, live: LiveCode | None) -> str:
    if not organization.is_active:
        return "closed"
    if live is None:
        return "to_mint" if organization.contact_email else "no_contact"
    if live.state == CodeState.ISSUED:
        return "to_mail" if organization.contact_email or live.mailed_to else "no_contact"
    if live.state == CodeState.BOUNCED:
        has_moved = organization.contact_email and organization.contact_email != live.mailed_to
        return "to_mail" if has_moved else "bounced"
    return "kept"
