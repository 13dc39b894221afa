"""No Python glues SQL: a value is a parameter, and a name that can't be one is quoted by psycopg.sql."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("command", "query", "fanout", "contract", "ops")
# They make data and measure servers of their own; nobody else's text reaches them.
WORKSHOPS = ("ops/rig", "ops/benches", "ops/load")
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|COPY|CALL|DO|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|SET|DECLARE|FETCH"
    r"|NOTIFY|LISTEN|EXPLAIN|(START|CREATE|DROP)_REPLICATION(_SLOT)?)\s"
)
RUNS = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "copy", "exec_", "send_query", "send_query_params"}
# The commands of the replication protocol take no parameters; the slot's name in them is quoted by libpq.
ALLOWED = {
    ("fanout/wal_listener.py", "CREATE_REPLICATION_SLOT"),
    ("fanout/wal_listener.py", "DROP_REPLICATION_SLOT"),
    ("fanout/wal_listener.py", "START_REPLICATION"),
}


def glued(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and beginning of each text that looks like a statement and is put together, or that is run as it is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNS:
            yield from ((node.lineno, _beginning(text)) for text in node.args[:1] if _is_made(text))
        elif isinstance(node, ast.expr) and _is_made(node) and STATEMENT.match(_beginning(node)):
            yield node.lineno, _beginning(node)


def _is_made(node: ast.expr) -> bool:
    """Whether it is an f-string with a hole, `+`, `%`, str.format, str.join or str.replace."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "encode":
            return _is_made(node.func.value)
        return node.func.attr in {"format", "join", "replace"} and not _is_composed(node)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod)


def _is_composed(call: ast.Call) -> bool:
    """Whether every piece is of psycopg.sql, which quotes it."""
    return bool(call.args) and all(ast.unparse(piece).startswith("sql.") for piece in call.args)


def _beginning(node: ast.expr) -> str:
    """The literal text at its left end, "" if something else is there."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]):
            return _beginning(first)
        case ast.BinOp(left=left):
            return _beginning(left)
        case ast.Call(func=ast.Attribute(value=value)):
            return _beginning(value)
    return ""


def test_nobody_glues_sql() -> None:
    """Statements are constants, in sql/queries or beside their one use by an operator's tool."""
    found = {
        (path.relative_to(ROOT).as_posix(), line, text)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(WORKSHOPS)
        for line, text in glued(ast.parse(path.read_text(encoding="utf-8")))
    }
    bad = {(name, line, text) for name, line, text in found if (name, text.split(" ")[0]) not in ALLOWED}
    assert not bad
    assert {(name, text.split(" ")[0]) for name, _, text in found} == ALLOWED, "an exception is needed no more"


@pytest.mark.parametrize(
    ("source", "is_glued"),
    [
        ('connection.execute(f"SELECT {column} FROM votes")', True),
        ('statement = f"DELETE FROM votes WHERE event_no = {event_no}"', True),
        ('statement = "SELECT 1 FROM votes WHERE event_no = %s" % event_no', True),
        ('statement = "SELECT 1 FROM " + table', True),
        ('statement = "UPDATE {} SET votes = 0".format(table)', True),
        ('statement = "SELECT 1 WHERE voter IN (" + ",".join(voters) + ")"', True),
        ("connection.execute(head + tail)", True),
        ("cursor.execute(statement.format(table))", True),
        ("pgconn.exec_(statement.replace(a, b).encode())", True),
        ('connection.execute("SELECT 1 FROM votes WHERE event_no = %s", [event_no])', False),
        ('connection.execute("SELECT 1" " FROM votes")', False),
        ('connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))', False),
        ("connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))", False),
        ('log.info(f"Selected {count} rows")', False),
    ],
)
def test_gluing_is_noticed(source: str, *, is_glued: bool) -> None:
    """Whatever the way in which the text is put together."""
    assert bool(list(glued(ast.parse(source)))) == is_glued
