"""Other content under the number of a file that has not left, and a control file beside one that may have."""

import psycopg

from distribution.ledger.files import ContentChanged, ScoreFile


def rewrite(
    conn: psycopg.Connection,
    file: ScoreFile,
    *,
    name: str,
    kind: str,
    control: str,
    sidecar_name: str | None,
    details: int,
    score_total: int,
    sha256: str,
    size_bytes: int,
    sidecar_sha256: str | None,
    transliterated: int,
    plain_sha256: str,
    encrypted_for: str | None,
) -> None:
    """Put other content under a number that has not left. Raises ContentChanged when it has left meanwhile.

    `name` differs from the one before where the file is encrypted now and was not, or the other way round.
    """
    moved = conn.execute(
        """
        UPDATE ledger.score_file
        SET name = %s, kind = %s, control = %s, sidecar_name = %s, details = %s, score_total = %s,
            sha256 = %s, size_bytes = %s, sidecar_sha256 = %s, transliterated = %s, plain_sha256 = %s,
            encrypted_for = %s
        WHERE file_id = %s AND NOT may_have_left
        """,
        [
            *(
                name,
                kind,
                control,
                sidecar_name,
                details,
                score_total,
                sha256,
                size_bytes,
                sidecar_sha256,
                transliterated,
            ),
            *(plain_sha256, encrypted_for, file.file_id),
        ],
    ).rowcount
    if not moved:
        raise ContentChanged("A file that may have left never changes. Start again.")
    if name != file.name:
        conn.execute(
            "UPDATE ledger.delivery SET occasion = %s WHERE file_id = %s AND occasion = %s",
            [f"resend:{name}", file.file_id, f"resend:{file.name}"],
        )


def add_sidecar(conn: psycopg.Connection, file: ScoreFile, *, control: str, name: str, sha256: str) -> None:
    """Give a file that has none a control file beside it; its own bytes stay as they are.

    Raises ContentChanged when another attempt has begun, or the file may stand under a name already.
    """
    moved = conn.execute(
        """
        UPDATE ledger.score_file SET control = %s, sidecar_name = %s, sidecar_sha256 = %s
        WHERE file_id = %s AND attempt = %s AND sidecar_name IS NULL
          AND closing_attempt IS NULL AND renaming_attempt IS NULL
        """,
        [control, name, sha256, file.file_id, file.attempt],
    ).rowcount
    if not moved:
        raise ContentChanged(f"{file.name} was begun meanwhile. Start again.")
