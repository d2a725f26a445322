"""Codes on their way: minted and sealed, and the mails that carry them with a mark in the code's place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from distribution import academic_year, exams
from distribution.access_codes import code, vault
from distribution.channels.email import message, templates
from distribution.jobs import mails as post
from distribution.jobs.wiring import Line
from distribution.ledger import codes
from distribution.ledger.codes import StoredCode
from distribution.ledger.mails import PlannedMail


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who gets an organisation's code, and for what organisation and year."""

    organization_code: str
    organization: str
    name: str
    email: str
    year: int


def mint(
    line: Line, conn: psycopg.Connection, organizations: Sequence[str], *, year: int, approved_by: str
) -> int:
    """Mint and seal a code for each organisation; who has a live one keeps it. Returns how many are new.

    Raises VaultKey where the keys of earlier codes are missing.
    """
    if not organizations:
        return 0
    keys = vault.open_keys(line.settings.secrets, may_make=lambda: not codes.any_on_file(conn))
    minted = []
    for organization in organizations:
        sealed = vault.seal(keys, code.mint(), organization=organization, year=year)
        minted.append(
            StoredCode(
                organization_code=organization,
                academic_year=year,
                lookup=sealed.lookup,
                cipher=sealed.cipher,
                nonce=sealed.nonce,
                key_id=sealed.key_id,
            )
        )
    return codes.record(conn, minted, issued_at=line.now(), approved_by=approved_by)


def code_mail(
    line: Line,
    to: Addressee,
    *,
    code_id: int,
    kind: str = post.ACCESS_CODE,
    occasion: str = "",
) -> PlannedMail:
    """The mail as it lies in the ledger: a mark stands for the code until it leaves.

    `occasion` tells one sending from another that takes the same code to the same address; the same
    occasion is the same mail, whoever plans it how often.
    """
    subject, body = templates.render(
        kind,
        organization=to.organization,
        contact_name=to.name,
        year=academic_year.written(to.year),
        first_day=_in_words(academic_year.first_day(to.year)),
        last_day=_in_words(academic_year.last_day(to.year)),
        code=message.CODE_MARK,
        programme=exams.programme().name,
        portal_url=line.settings.portal_url,
        operations_email=line.settings.operations_email,
    )
    # code_id: a code that replaces a revoked one is another mail. Address: so is the one to a new contact.
    key = f"{to.organization_code}|{to.year}|{code_id}|{to.email}" + (f"|{occasion}" if occasion else "")
    return PlannedMail(
        message_id=message.message_id(post.ACCESS_CODE, key),
        kind=kind,
        organization_code=to.organization_code,
        to_address=to.email,
        subject=subject,
        body=body,
        code_id=code_id,
    )


def minted_mail(line: Line, conn: psycopg.Connection, to: Addressee, *, occasion: str) -> PlannedMail:
    """The mail with the year's code of an organisation, minted where there is none yet."""
    mint(line, conn, [to.organization_code], year=to.year, approved_by=f"request {occasion}")
    live = codes.live_of(conn, to.organization_code, year=to.year)
    assert live is not None
    return code_mail(line, to, code_id=live.code_id, occasion=occasion)


def _in_words(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
