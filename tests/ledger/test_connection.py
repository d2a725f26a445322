"""Connections: a lost server is a temporary failure, and frames come back as they went in."""

import pandas as pd
import psycopg
import pytest

from distribution.errors import TransientError
from distribution.ledger import connection


def test_a_server_that_is_not_there_is_a_temporary_failure():
    with pytest.raises(TransientError), connection.connect("postgresql://postgres@127.0.0.1:1/distribution"):
        pass


def speak_after_a_break(url: str) -> None:
    with connection.connect(url) as line:
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [line.info.backend_pid])
        line.execute("SELECT 'Nguyễn'")


def test_a_server_that_breaks_off_is_a_temporary_failure_and_its_words_are_not_quoted(url):
    with pytest.raises(TransientError, match="Start again") as caught:
        speak_after_a_break(url)
    assert "Nguyễn" not in str(caught.value)


def test_texts_come_back_as_they_went_in(conn):
    names = ["Null", "NA", "None", "NaN", "007", "", "O'Brien", "Nguyễn", 'a "b", c\nd', "t", "\\N", "\\."]
    conn.execute("CREATE TEMPORARY TABLE names (name text, number bigint)")
    frame = pd.DataFrame({"name": names, "number": range(len(names))}).astype({"name": "str"})
    assert connection.copy_frame(conn, frame, "names") == len(names)
    back = connection.read_frame(conn, "SELECT name, number FROM names ORDER BY number")
    assert back["name"].tolist() == names
    assert back["number"].tolist()[:2] == ["0", "1"]


def test_a_query_without_rows_still_has_its_columns(conn):
    frame = connection.read_frame(conn, "SELECT 1 AS one, NULL AS none WHERE %(wanted)s", {"wanted": False})
    assert list(frame.columns) == ["one", "none"]
    assert frame.empty
