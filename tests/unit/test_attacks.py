"""The list of attacks in tests/README.md names tests that are there."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROW = re.compile(r"^\| (.+) \| `([\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)


def test_each_attack_has_its_test() -> None:
    """Every row names a file and a test in it, and no attack stands there twice."""
    _, _, listed = (TESTS / "README.md").read_text().partition("## Attacks")
    rows = ROW.findall(listed)
    assert len(rows) == listed.count("\n| ") - 1  # but for the head
    assert len({attack for attack, _, _ in rows}) == len(rows) > 40
    assert [f"{path}::{test}" for _, path, test in rows if test not in names_in(path)] == []


def names_in(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
