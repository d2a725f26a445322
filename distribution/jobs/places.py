"""Places: where an institution's files go, and how. What an attempt left behind is found there alone."""

from distribution.channels.electronic.drop import AmbiguousDelivery
from distribution.ledger.files import ScoreFile
from distribution.model import Endpoint, Publish


def place_of(endpoint: Endpoint, file: ScoreFile) -> str:
    """Where a file goes by its endpoint now, as the ledger notes it with each attempt."""
    how = "by rename"
    if endpoint.publish == Publish.TEMP_FOLDER:
        how = f"by rename from {endpoint.temp_directory}"
    elif endpoint.publish == Publish.DONE_FILE and file.sidecar_name:
        how = "in place"  # a file without a done-file is renamed all the same
    return f"{endpoint.username}@{endpoint.host}:{endpoint.port}{endpoint.directory} ({how})"


def remote_name(place: str, name: str) -> str:
    """A file at a place, as receipts name it."""
    folder = place.partition("@")[2].rpartition(" (")[0]
    return f"{folder.rstrip('/')}/{name}"


def refuse_elsewhere(file: ScoreFile, place: str) -> None:
    """Raises AmbiguousDelivery for a file that may stand where its endpoint does not lead any more."""
    if file.may_stand and file.place not in (None, place):
        raise AmbiguousDelivery(
            f"An earlier attempt may have brought {file.name} to {file.place}; its endpoint names {place} "
            "now. Ask the institution whether it arrived there."
        )
