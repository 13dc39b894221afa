"""Statements as the files hold them, and as each driver takes them."""

from importlib import resources

import pytest

from contract import queries
from contract.queries import PositionalStatement

FILES = sorted(file.name for file in resources.files("sql").joinpath("queries").iterdir())


@pytest.mark.parametrize(
    ("statement", "text", "names"),
    [
        ("SELECT :a, :b", "SELECT $1, $2", ("a", "b")),
        ("SELECT :b, :a, :b", "SELECT $1, $2, $1", ("b", "a")),
        ("SELECT :a::text[], '0/0'::pg_lsn", "SELECT $1::text[], '0/0'::pg_lsn", ("a",)),
        ("SELECT ':a', 'it''s :a', \":a\", :b", "SELECT ':a', 'it''s :a', \":a\", $1", ("b",)),
        ("-- what's :a\nSELECT :b -- :c\n/* :d\n*/", "-- what's :a\nSELECT $1 -- :c\n/* :d\n*/", ("b",)),
        ("SELECT x[1:2], x LIKE '%' || :a", "SELECT x[1:2], x LIKE '%' || $1", ("a",)),
        ("SELECT :event_no, :event_nos", "SELECT $1, $2", ("event_no", "event_nos")),
        ("SELECT 1", "SELECT 1", ()),
    ],
)
def test_names_become_numbers(statement: str, text: str, names: tuple[str, ...]) -> None:
    """Each name gets one number, in the order of appearance; quotes, comments and casts hold none."""
    compiled = PositionalStatement(statement)
    assert (compiled.text, compiled.names) == (text, names)


def test_values_are_put_in_order() -> None:
    """Whatever order the caller names them in."""
    assert PositionalStatement("SELECT :b, :a, :b").arguments(a=1, b=2) == [2, 1]


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 2}])
def test_wrong_names_are_refused(values: dict[str, object]) -> None:
    """A missing name and an unknown one are errors before anything is sent."""
    with pytest.raises(TypeError, match="takes"):
        PositionalStatement("SELECT :a, :b").arguments(**values)


def test_psycopg_takes_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A percent sign beside parameters is doubled, as psycopg wants it, and left alone where there are none."""
    read = {"with": "SELECT :a::int, '%:a'", "without": "SELECT '%'"}
    monkeypatch.setattr(queries, "_read", lambda _file_name: read)
    assert queries.load("any.sql") == {"with": "SELECT %(a)s::int, '%%:a'", "without": "SELECT '%'"}


@pytest.mark.parametrize("file_name", FILES)
def test_every_statement_is_named_and_described(file_name: str) -> None:
    """A file says which role runs it, a statement what it is for; no statement is written for a driver."""
    text = resources.files("sql").joinpath("queries", file_name).read_text(encoding="utf-8")
    head, *statements = text.split("-- name: ")
    assert "as role vote_" in head
    for statement in statements:
        name, description, *_ = statement.splitlines()
        assert description.startswith("-- "), name
    assert "$1" not in text
    assert "%(" not in text
    assert len(queries.load(file_name)) == len(statements), "a name occurs twice"
