"""No secret is in the tree: looked for by the shapes of keys and tokens, by names, and by what looks random."""

import functools
import re
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.settings import default_settings, get_plugins, transient_settings

from ops.reference import PROJECT
from tests.unit.test_tidy import tracked

# What looks like a secret and is none, and why.
KNOWN = {
    ("README.md", "Basic Auth Credentials"): "the word PASSWORD, where one goes",
    ("contract/assurance.py", "Secret Keyword"): "the name of a level",
    ("contract/metric_names.py", "Secret Keyword"): "the name of a metric",
    ("contract/production.py", "Secret Keyword"): "what a demo's passwords begin with",
    ("ops/embedded/postgresql.conf", "Secret Keyword"): "how passwords are hashed",
    ("query/pages/desk/event_panel.js", "Secret Keyword"): "what a level of assurance is called",
}
# Made from what is scanned, and compared with it by tests of their own; a fifth of all that there is to read.
GENERATED = {
    "contract/openapi.json",
    "sql/schema.sql",
    "sql/identity/schema.sql",
    *(str(path.relative_to(PROJECT)) for path in (PROJECT / "ops" / "dashboards").glob("*.json")),
}
# Tests and benches are full of passwords, ids and keys that were made up for them; a private key or the token of some
# service isn't.
FOR_TESTS = ("tests/", "ops/rig/", "ops/benches/")
MADE_UP = {"Secret Keyword", "Hex High Entropy String", "Base64 High Entropy String", "Basic Auth Credentials"}


def found_in(path: Path) -> set[tuple[str, str]]:
    """The kinds of secrets that a file of the project seems to hold."""
    name = str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else path.name
    text, made_up = path.read_text(errors="replace"), MADE_UP if name.startswith(FOR_TESTS) else set()
    wanted = [each for each in detectors() if each.secret_type not in made_up and may_find(each, text)]
    with transient_settings({"plugins_used": [{"name": type(each).__name__} for each in wanted]}) as settings:
        settings.disable_filters("detect_secrets.filters.allowlist.is_line_allowlisted")  # no comment excuses a secret
        return {(name, each.type) for each in scan_file(str(path))} if wanted else set()


@functools.cache
def detectors() -> list[BasePlugin]:
    """One of each kind."""
    with default_settings():
        return list(get_plugins())


def may_find(detector: BasePlugin, text: str) -> bool:
    """Whether it is worth asking it line by line, which takes a hundred times as long."""
    if not isinstance(detector, RegexBasedDetector):
        return True
    return any(re.search(each.pattern, text, each.flags | re.MULTILINE) for each in detector.denylist)


def test_the_tree_holds_none() -> None:
    """Neither in what is committed nor in what is about to be; and what is known to be none is still there."""
    written = [path for path in tracked() if path.is_file() and str(path.relative_to(PROJECT)) not in GENERATED]
    found = {each for path in written for each in found_in(path)}
    assert found == KNOWN.keys()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-----BEGIN {} PRIVATE KEY-----", "Private Key"),
        ("token = 'ghp_{}'", "GitHub Token"),
        ("url = 'postgresql://vote:{}@db.example/vote'", "Basic Auth Credentials"),
        ("key = 'AKIA{}'", "AWS Access Key"),
        ("seal_key = '{}'", "Hex High Entropy String"),
    ],
)
def test_the_scan_finds(tmp_path: Path, line: str, kind: str) -> None:
    """One of each kind, planted."""
    made_up = {
        "Private Key": "RSA",
        "GitHub Token": "a1B2c3D4e5F6g7H8i9J0" * 2,
        "Basic Auth Credentials": "Tr0ub4dor",
        "AWS Access Key": "Q7ZK2M5X8W3B6N9D",
        "Hex High Entropy String": "0123456789abcdef" * 4,
    }[kind]
    planted = tmp_path / "planted.py"
    planted.write_text(f"first = 1\n{line.format(made_up[:36] if kind == 'GitHub Token' else made_up)}\nlast = 1\n")
    assert ("planted.py", kind) in found_in(planted)
