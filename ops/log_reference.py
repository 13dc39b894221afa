"""ops/LOGS.md: each line that a process may write to its log, read off the source.

So a message is a constant, what differs is in fields, and the fields stand where the line is written: a call that does
otherwise is an error here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ABOUT_LOGS = """\
A line is a JSON object: `at`, `level`, `process`, `message`, the fields below, and `trace_id` where it belongs to a
request. No line names a person but by `user_id`, and none has a token, an address, a mail address or a request's path.

Votes have no line each, which would be 250,000 a second and would tie requests to choices: `votes` says once a second,
by event, how many there were of each outcome. The ledger is the record of each vote, and Postgres' audit logs are that
of what hosts and admins do (each such call also has a line `answered`, with the trace). Of one message at most
`LOG_LINES_PER_SECOND` are written; `left out` (fields: lines, of) counts the rest. Lines that can't be written are
counted by the metric `vote_log_lines_lost`. The edge writes `handled request` for each 5xx of its own (fields:
duration, status, trace_id, upstream). Restarts and exit codes stand in the supervisor's log; who starts says so, too.
"""

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


class UnreadableLineError(Exception):
    """What a line says can't be read off its source; the message says where."""


def log_lines(project: Path, packages: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """Message, level, fields and file of each `log.LEVEL(…)` in these packages; `UnreadableLineError`."""
    return [
        line
        for package in packages
        for path in sorted((project / package).rglob("*.py"))
        for line in _lines_of(path, str(path.relative_to(project)))
    ]


def _lines_of(path: Path, name: str) -> Iterator[tuple[str, str, str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "log"):
            continue
        message, where = node.args[0], f"{name}:{node.lineno}"
        if not (isinstance(message, ast.Constant) and isinstance(message.value, str)):
            raise UnreadableLineError(f"{where}: the message must be a constant")
        extra = next((each.value for each in node.keywords if each.arg == "extra"), ast.Dict([], []))
        fields = sorted(_fields(extra, named, where))
        if node.func.attr == "exception" or any(each.arg == "exc_info" for each in node.keywords):
            fields.append("exception")
        yield message.value, node.func.attr.replace("exception", "error"), ", ".join(fields), name


def _fields(extra: ast.expr, named: dict[str, ast.Dict], where: str) -> Iterator[str]:
    """The names in a dictionary that is written there, or has a name in the same file."""
    if isinstance(extra, ast.Name) and extra.id in named:
        extra = named[extra.id]
    if not isinstance(extra, ast.Dict):
        raise UnreadableLineError(f"{where}: extra must be a dictionary whose fields can be read here")
    for key, value in zip(extra.keys, extra.values, strict=True):
        if key is None:
            yield from _fields(value, named, where)
        elif isinstance(key, ast.Constant):
            yield str(key.value)
        else:
            raise UnreadableLineError(f"{where}: the names of fields must be constants")
