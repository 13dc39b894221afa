"""The questions of sql/audit: a file each, which psql runs as it stands."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from contract import queries

Row = dict[str, Any]

_HEAD = re.compile(r"-- (?P<number>\d\d) · (?P<finding>FINDING · )?(?P<title>.+)\n")
_BOUND = re.compile(
    r"\$1(?P<between>.*)\n\\bind (?P<value>:\w+) \\g$", re.DOTALL
)  # what psql keeps out of the statement


class Question(NamedTuple):
    """What is asked; of one that looks for a finding every line of the answer is one."""

    number: int
    title: str
    is_finding: bool
    statement: str

    def ask(self, connection: psycopg.Connection, **values: object) -> list[Row]:
        """The lines of the answer."""
        return connection.cursor(row_factory=dict_row).execute(self.statement.encode(), values).fetchall()


def questions() -> Mapping[int, Question]:
    """All of them by number, in its order."""
    files = sorted(resources.files("sql").joinpath("audit").iterdir(), key=lambda file: file.name)
    asked = [_question(file.read_text(encoding="utf-8")) for file in files if file.name.endswith(".sql")]
    return {each.number: each for each in asked}


def _question(text: str) -> Question:
    head = _HEAD.match(text)
    assert head, "a file begins with its number and its question"
    statement = _BOUND.sub(r"\g<value>\g<between>", text.strip().rstrip(";"))
    return Question(int(head["number"]), head["title"], head["finding"] is not None, queries.for_psycopg(statement))
