"""The notes of one transfer: what a drop has the ledger write down before it goes on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from distribution.ledger import files, transfers


class Notes:
    """The ledger's notes of one transfer; a transfer that was left behind can note nothing once they end."""

    def __init__(self, conn: psycopg.Connection, file: files.ScoreFile, *, place: str):
        self._conn, self._file, self._place, self.attempt = conn, file, place, file.attempt
        self._lock, self._have_ended = threading.Lock(), False

    def end(self) -> None:
        """Wait for a note that is being written, and take no more: others need the connection."""
        with self._lock:
            self._have_ended = True

    @contextmanager
    def _writing(self) -> Iterator[psycopg.Connection]:
        with self._lock:
            if self._have_ended:
                raise transfers.Overtaken(f"{self._file.name}: its time was over.")
            yield self._conn

    def begin(self) -> int:
        with self._writing() as conn:
            self.attempt = transfers.begin(conn, self._file, place=self._place)
            return self.attempt

    def closing(self, name: str, upload: int) -> None:
        with self._writing() as conn:
            if not self._is_sidecar(name):
                transfers.note_closing(conn, self._file.file_id, attempt=upload)

    def renaming(self, name: str, upload: int) -> None:
        with self._writing() as conn:
            transfers.note_renaming(
                conn,
                self._file.file_id,
                attempt=self.attempt,
                upload=upload,
                is_sidecar=self._is_sidecar(name),
            )

    def undone(self, name: str) -> None:
        with self._writing() as conn:
            transfers.note_undone(
                conn, self._file.file_id, attempt=self.attempt, is_sidecar=self._is_sidecar(name)
            )

    def _is_sidecar(self, name: str) -> bool:
        return name == self._file.sidecar_name
