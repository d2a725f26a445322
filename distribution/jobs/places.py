"""Places: where an institution's files go, and how. What an attempt left behind is found there alone."""

import psycopg

from distribution.channels.electronic.drop import AmbiguousDelivery
from distribution.ledger import acknowledgements
from distribution.ledger.files import ScoreFile
from distribution.model import Endpoint, Publish

_AS = " as "


def place_of(endpoint: Endpoint, file: ScoreFile) -> str:
    """Where a file goes by its endpoint now, as the ledger notes it with each attempt."""
    how = "by rename"
    if endpoint.publish == Publish.TEMP_FOLDER:
        how = f"by rename from {endpoint.temp_directory}"
    elif endpoint.publish == Publish.DONE_FILE and file.sidecar_name:
        how = "in place"  # a file without a done-file is renamed all the same
    return f"{endpoint.host}:{endpoint.port}{endpoint.directory}{_AS}{endpoint.username}, {how}"


def remote_name(place: str, name: str) -> str:
    """A file at a place, as receipts name it."""
    folder = place.partition(_AS)[0]
    return f"{folder.rstrip('/')}/{name}"


def refuse_what_may_be_there(conn: psycopg.Connection, file: ScoreFile, place: str) -> None:
    """Look at what the ledger knows of earlier attempts, before the host is asked.

    Raises AmbiguousDelivery for a file that may stand where its endpoint does not lead any more, and for one
    that its institution acknowledged although nothing says that it arrived. A file without records may come
    twice.
    """
    if file.may_stand and file.place not in (None, place):
        raise AmbiguousDelivery(
            f"An earlier attempt may have brought {file.name} to {file.place}; its endpoint names {place} "
            "now. Ask the institution whether it arrived there."
        )
    may_come_again = not file.may_stand and file.details > 0
    if file.attempt and may_come_again and (said := acknowledgements.early_of(conn, file.file_id)):
        raise AmbiguousDelivery(
            f"{file.di} acknowledged {file.name} ({said}), so it has it, although nothing here says that it "
            "arrived. Ask the institution, then release its hold with --as arrived."
        )
