"""The SQL that processes run, read from sql/queries/*.sql: named, described, never glued together.

    -- name: event_by_id
    -- One sentence that says what it is for.
    SELECT …

asyncpg takes $1, $2; psycopg takes %(name)s; a file says at its top which of them it is written for.
"""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(file_name: str) -> dict[str, str]:
    """The statements of one file under sql/queries by name; raises FileNotFoundError."""
    text = resources.files("sql").joinpath("queries", file_name).read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}
