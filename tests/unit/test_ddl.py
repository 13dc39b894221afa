"""No migration and no script of the DBA does to a live ledger what squawk knows to hurt; exceptions are named here."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path

from ops.migrate import SQL
from ops.rig.dba_scripts import SCRIPTS

SQUAWK = str(Path(sysconfig.get_path("scripts"), "squawk"))
HEAD = ("When", "Locks", "Takes", "Undo", "Run")

# Of migrations that exist, and so can't be edited. A new one says `-- squawk-ignore the-rule`, and why.
JUDGED = {
    # Of tables with a row for each event, contestant, staff member or act, which are read whole in milliseconds, or of
    # tables that nobody used before.
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    # What left was followed in the same transaction by what takes its place, or had no caller left.
    "ban-drop-constraint",
    "ban-drop-function",
    "ban-drop-schema",
}
LOCK_TIMEOUT = "require-lock-timeout"  # ops.migrate sets it for each file
JUDGED_UP_TO = {"sql/migrations": "0031", "sql/identity/migrations": "0011"}

# What the scripts are for, or what is of one session alone.
OF_SCRIPTS = {
    "ban-drop-table",  # 040 and 050 do nothing else, after they have refused what is not to be dropped
    "prefer-robust-stmts",  # each script looks at what is there first; IF NOT EXISTS would take what is there for right
}


def squawk(*words: str, script: str | None = None) -> list[tuple[str, str, str]]:
    """File, rule and message of each finding."""
    said = subprocess.run(
        [SQUAWK, "--reporter", "json", *words],
        cwd=SQL.parent,
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return [(each["file"], each["rule_name"], each["message"]) for each in json.loads(said.stdout)]


def test_new_migrations_hurt_nobody() -> None:
    """In each file's one transaction, under the lock_timeout that ops.migrate sets."""
    for folder, newest_judged in JUDGED_UP_TO.items():
        files = sorted(str(path.relative_to(SQL.parent)) for path in (SQL.parent / folder).glob("*.sql"))
        new = [
            (file, rule, message)
            for file, rule, message in squawk("--assume-in-transaction", *files)
            if rule != LOCK_TIMEOUT and (Path(file).name[:4] > newest_judged or rule not in JUDGED)
        ]
        assert new == []


def test_scripts_of_the_dba_hurt_nobody() -> None:
    """As psql would send them, whatever their variables are."""
    for path in sorted(SCRIPTS.glob("*.sql")):
        found = squawk("--stdin-filepath", path.name, script=as_sent(path))
        assert [(file, rule, message) for file, rule, message in found if rule not in OF_SCRIPTS] == []


def as_sent(path: Path) -> str:
    """A script with its steps in their places, without psql's own words, and names for its variables."""
    text = re.sub(r"^ *\\ir (\S+)$", lambda step: as_sent(path.parent / step[1]), path.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^ *\\.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r" *\\g.*$", ";", text, flags=re.MULTILINE)
    text = text.replace("(:query)", "(SELECT 1)").replace(":event_no", "7")
    return re.sub(r"(?<!:):('?)([a-z_]+)('?)", r"\1a_\2\3", text)


def test_heads_say_what_a_dba_must_know() -> None:
    """When, which locks, how long, how to undo, how to run; and the table of an event's life names each script."""
    life = (SCRIPTS / "README.md").read_text(encoding="utf-8")
    for path in sorted(SCRIPTS.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        head = re.match(r"(--.*\n)+", text)
        assert head and text.startswith(f"-- {path.name[:3]} · ")
        assert [word for word in HEAD if f"-- {word}:" not in head[0]] == []
        assert f"[{path.name}]({path.name})" in life


def test_scripts_wait_for_no_lock_for_long() -> None:
    """Each that changes something sets a lock_timeout before it does."""
    changes = re.compile(r"^ *(ALTER|CREATE TABLE|DROP|INSERT|UPDATE|VACUUM)|'(ALTER|CREATE|DROP|VACUUM)", re.MULTILINE)
    for path in sorted(SCRIPTS.glob("*.sql")):
        text = as_sent(path)
        if first := changes.search(text):
            assert "SET lock_timeout = '3s';" in text[: first.start()], path.name
