"""Connections to the ledger, each in one of the four roles, and frames in and out of it by COPY."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql

from distribution.errors import TransientError

_ROWS_AT_A_TIME = 50_000  # what COPY is fed in one piece: memory is bounded by it, not by the frame


class Role(StrEnum):
    """In whose name a connection speaks: the pipeline, the portal or the console."""

    APP = "distribution_app"
    PORTAL = "distribution_portal"
    CONSOLE = "distribution_console"
    OWNER = "distribution_owner"


@contextmanager
def connect(url: str, *, role: Role = Role.APP, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A connection in `role`; commits at the end of the block, rolls back on an error.

    Times are UTC. Raises TransientError when the server cannot be reached or breaks off.
    """
    try:
        conn = psycopg.connect(
            url, autocommit=autocommit, options=f"-c role={role} -c TimeZone=UTC -c jit=off"
        )
    except psycopg.OperationalError as exc:
        raise TransientError(f"The database cannot be reached: {str(exc).strip()}") from exc
    try:
        with conn:
            yield conn
    except psycopg.OperationalError as exc:
        # Its own words may quote a statement with a student's record.
        raise TransientError(f"The database broke off ({type(exc).__name__}). Start again.") from exc


def read_frame(
    conn: psycopg.Connection, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """The rows of a SELECT as a frame in which every column is text (`str`); NULL is the empty text.

    Dates are ISO texts, numbers their digits, booleans `t` or `f`, arrays `{a,b}`.
    """
    with conn.cursor() as cursor:
        select = psycopg.ClientCursor(conn).mogrify(query, params) if params else query
        buffer = io.BytesIO()
        with cursor.copy(f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER true)") as rows:
            for block in rows:
                buffer.write(block)
    return _text_frame(buffer.getbuffer())


def _text_frame(text: memoryview) -> pd.DataFrame:
    names = pyarrow.csv.open_csv(
        pa.py_buffer(text), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
    ).schema.names
    table = pyarrow.csv.read_csv(
        pa.py_buffer(text),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        # A student may be called Null or NA: no text is ever taken for a missing value.
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    return table.to_pandas().astype("str")


def copy_frame(
    conn: psycopg.Connection, frame: pd.DataFrame, table: str, *, columns: Sequence[str] | None = None
) -> int:
    """COPY a frame's rows into a table (`schema.name`); empty texts become NULL where a column is no text.

    Every column of the frame, or those named, goes into the column of the same name. Returns the row count.
    """
    chosen = list(columns or frame.columns)
    arrow = pa.Table.from_pandas(frame[chosen], preserve_index=False)
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, chosen))
    )
    # Empty texts are written as "" and stay texts; missing values are written as nothing and become NULL.
    options = pyarrow.csv.WriteOptions(include_header=False)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, len(frame), _ROWS_AT_A_TIME):
            buffer = pa.BufferOutputStream()
            pyarrow.csv.write_csv(arrow.slice(start, _ROWS_AT_A_TIME), buffer, options)
            copy.write(memoryview(buffer.getvalue()))
    return len(frame)
