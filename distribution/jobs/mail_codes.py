"""Intelligent Mail barcodes of a night's pieces: only where a mailer id is set, each serial number once."""

from collections.abc import Sequence

import psycopg

from distribution.channels.paper import addresses, intelligent_mail
from distribution.channels.paper.content import Piece
from distribution.errors import UsageError
from distribution.ledger import imb_serials
from distribution.settings import Settings


def mailer_of(settings: Settings) -> intelligent_mail.Mailer | None:
    """Who mails, or None without a mailer id. Raises UsageError when the service type is not set."""
    if settings.mailer_id is None:
        return None
    if settings.imb_service_type is None:
        raise UsageError(
            "DISTRIBUTION_MAILER_ID is set, DISTRIBUTION_IMB_SERVICE_TYPE is not: set the three digits that "
            "USPS's table of service types gives for your mail, or remove the mailer id."
        )
    return intelligent_mail.Mailer(settings.imb_barcode_id, settings.imb_service_type, settings.mailer_id)


def codes_of(settings: Settings, conn: psycopg.Connection, pieces: Sequence[Piece]) -> list[str]:
    """The digits for each piece, in order; empty for mail abroad and where seven lines leave no room."""
    mailer = mailer_of(settings)
    if mailer is None:
        return [""] * len(pieces)
    coded = [_takes_a_code(piece) for piece in pieces]
    serials = iter(imb_serials.take(conn, sum(coded)))
    return [
        mailer.digits(serial=next(serials), routing=intelligent_mail.routing_of(piece.address.postal_code))
        if takes
        else ""
        for piece, takes in zip(pieces, coded, strict=True)
    ]


def _takes_a_code(piece: Piece) -> bool:
    address = piece.address
    return addresses.is_domestic(address.country) and addresses.fit(address, below_imb=True) is not None
