"""A sample of a layout: a file of invented people whose names begin with ZZTEST."""

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd

from distribution.channels.electronic import score_file
from distribution.channels.electronic.record_layout import Layout
from distribution.channels.electronic.score_file import Form, Header, ScoreFile
from distribution.model import FileKind

_PEOPLE = (
    ("R0000001", "1", "N", "", "00012345", "ZZTESTNguyễn", "Anh", "F", "FINACC", "2026-10-03", "61"),
    ("R0000002", "1", "N", "", "00012346", "ZZTESTO'Brien", "Łukasz", "M", "FRENCH", "2026-10-05", "59"),
    ("R0000003", "2", "C", "1", "00012347", "ZZTESTNull", "Maria", "F", "PRMGMT", "2026-09-12", "48"),
    ("R0000005", "1", "N", "", "00012345", "ZZTESTNguyễn", "Anh", "F", "PRMGMT", "2026-10-03", "50"),
    ("R0000004", "2", "X", "1", "00012348", "ZZTESTΠαπαδοπούλου", "Eleni", "", "AMELIT", "2026-09-12", "55"),
)
_CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def sample(layout: Layout) -> ScoreFile:
    """One file of the layout with new scores, a correction and a cancellation; always the same bytes.

    In clear, also where the layout's files are always encrypted.
    """
    form = Form(layout=layout, control=layout.control)
    return compose(Header("4471", 231, 230, _CREATED, FileKind.TEST), form)


def compose(header: Header, form: Form, *, seal: Callable[[bytes], bytes] | None = None) -> ScoreFile:
    """The invented people as a file of any number and form."""
    return score_file.compose(header, score_file.format_details(_contents(), form), form, seal=seal)


def _contents() -> pd.DataFrame:
    columns = (
        "result_id",
        "revision",
        "action",
        "replaces_revision",
        "candidate_id",
        "last_name",
        "first_name",
    )
    frame = pd.DataFrame(
        list(_PEOPLE), columns=[*columns, "gender", "exam_code", "test_date", "scaled_score"], dtype="str"
    )
    same = {
        "middle_name": "",
        "birth_date": "2005-02-28",
        "scored_on": "2026-11-22",
        "reasons": "recipient",
        "attending_code": "",
        "test_center_code": "T1001",
        "email": "zztest@example.org",
        "postal_code": "00501",
        "college_student_id": "",
    }
    return frame.assign(delivery_id=range(len(frame)), **same)
