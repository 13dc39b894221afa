"""The SQL that processes run, read from sql/queries/*.sql: named, described, never glued together.

    -- name: event_by_id
    -- One sentence that says what it is for.
    SELECT … FROM events WHERE event_id = :event_id;

A parameter is written as psql writes its variables, so every statement runs there as it stands, after
`psql -v event_id="'018f…'"`; a percent sign is only that, and no file belongs to a driver. By psql's rules nothing
inside quotes or a comment is a parameter, and `::` is a cast. Each driver's own form is made here, once:

    load             %(name)s    for psycopg
    load_positional  $1 … $n     for asyncpg and libpq, which find a prepared statement again by its constant text
"""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_NO_PARAMETER = r"""'[^']*' | "[^"]*" | --.* | /\*[\s\S]*?\*/ | ::"""
_TOKEN = re.compile(rf"{_NO_PARAMETER} | :(?P<name>[a-z]\w*)", re.VERBOSE)


class PositionalStatement:
    """A statement with $1 … $n for the values of `names`; a name that stands in it twice has one number."""

    def __init__(self, statement: str) -> None:
        found = (token["name"] for token in _TOKEN.finditer(statement))
        self.names = tuple(dict.fromkeys(name for name in found if name))
        self._known = frozenset(self.names)
        numbers = {name: f"${number}" for number, name in enumerate(self.names, start=1)}
        self.text = _TOKEN.sub(lambda token: numbers.get(token["name"], token[0]), statement)

    def arguments(self, /, **values: object) -> list[object]:
        """The values in the order of their numbers; raises TypeError when a name is missing or unknown."""
        if values.keys() != self._known:
            raise TypeError(f"the statement takes {sorted(self._known)}, not {sorted(values)}")
        return [values[name] for name in self.names]


def load(file_name: str) -> dict[str, str]:
    """The statements of one file under sql/queries by name, for psycopg; raises FileNotFoundError."""
    return {name: for_psycopg(statement) for name, statement in _read(file_name).items()}


def load_positional(file_name: str) -> dict[str, PositionalStatement]:
    """The statements of one file under sql/queries by name, for asyncpg and libpq; raises FileNotFoundError."""
    return {name: PositionalStatement(statement) for name, statement in _read(file_name).items()}


def _read(file_name: str) -> dict[str, str]:
    text = resources.files("sql").joinpath("queries", file_name).read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


def for_psycopg(statement: str) -> str:
    """A statement with %(name)s. Percent signs are doubled, unless it has no parameter: so psycopg takes it."""
    if not PositionalStatement(statement).names:
        return statement
    return _TOKEN.sub(lambda token: f"%({token['name']})s" if token["name"] else token[0], statement.replace("%", "%%"))
