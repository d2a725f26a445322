"""A table of result rows as columns of text cells, in the order of the results feed."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from distribution.demo.chance import Cells

RESULT_COLUMNS = (
    "result_id",
    "revision",
    "status",
    "candidate_id",
    "last_name",
    "first_name",
    "middle_name",
    "birth_date",
    "gender",
    "exam_code",
    "test_date",
    "scored_on",
    "scaled_score",
    "funding",
    "voucher_order_id",
    "attending_code",
    "recipient_1",
    "recipient_2",
    "test_center_code",
    "email",
    "postal_code",
    "college_student_id",
    "local_student_id",
    "grade",
)
Selection = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class ResultRows:
    """Rows of the results feed: one array of text cells for each column."""

    columns: Mapping[str, Cells]

    def __len__(self) -> int:
        return len(self.columns["result_id"])

    def __getitem__(self, column: str) -> Cells:
        return self.columns[column]

    def take(self, rows: Selection) -> "ResultRows":
        """A copy of the rows at these positions."""
        return ResultRows({name: cells[rows] for name, cells in self.columns.items()})

    def put(self, row: int, **cells: str) -> None:
        """Change cells of one row."""
        for name, value in cells.items():
            self.columns[name][row] = value

    @classmethod
    def joined(cls, parts: Sequence["ResultRows"]) -> "ResultRows":
        return cls({name: np.concatenate([part[name] for part in parts]) for name in RESULT_COLUMNS})

    def write(self, file: TextIO) -> None:
        """Write header and rows as RFC 4180 CSV."""
        write_csv(file, RESULT_COLUMNS, zip(*(self[name].tolist() for name in RESULT_COLUMNS), strict=True))

    def score_total(self) -> int:
        """What the control file says: the sum over `scored` rows whose cell, as it came, is ASCII digits."""
        scored = self["scaled_score"][self["status"] == "scored"].tolist()
        return sum(int(cell) for cell in scored if cell.isascii() and cell.isdigit())


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a header row and rows; lines end in CRLF."""
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(rows)
