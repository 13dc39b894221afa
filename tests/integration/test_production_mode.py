"""Production mode as an operator meets it: what doesn't start, in one line, and what does."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from command.identity.signing_keys import make_next_key
from ops.embedded import ports
from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import HANDED_OUT, Addresses, environments
from ops.embedded.secret_files import SecretFiles
from ops.rig import python_process
from ops.rig.server_process import ServerProcess

PROGRAMS = {
    "identity": ["command.identity"],
    "command": ["command"],
    "fanout": ["fanout"],
    "query": ["query.reads"],
    "sse": ["query.streams"],
}
TOOLS = {
    "admin": ["ops.operator", "rotate-key"],
    "audit": ["ops.auditor", "--live"],
    "operator": ["ops.migrate"],
    "command": ["ops.auditor", "7d3b4c52-0000-4000-8000-000000000000"],
}
BASE = {name: value for name, value in os.environ.items() if name not in HANDED_OUT}
NAMES = ("postgres", "valkey", *PROGRAMS)
LOGIN = "vote:of-sixteen-characters"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What ops/up tells each program."""
    folder = DataFolder(tmp_path_factory.mktemp("demo"))
    folder.prepare()
    made, numbers = SecretFiles(folder.secrets), ports.choose(NAMES, {})
    url = f"postgresql://postgres:{made.password('postgres')}@127.0.0.1:{numbers['postgres']}/vote"
    redis_url = f"redis://:{made.password('valkey')}@127.0.0.1:{numbers['valkey']}/0"
    return environments(folder, made, Addresses(url, url, "", redis_url, numbers, ports.choose(["edge"], {})["edge"]))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An operator's secrets, for any process; nobody listens at these addresses yet."""
    folder, numbers = tmp_path_factory.mktemp("own"), ports.choose(NAMES, {})
    for name, key_bytes in (("seed", 32), ("receipts", 16), ("seals", 32), ("challenges", 32), ("factors", 32)):
        (folder / name).write_text(json.dumps({"1": secrets.token_hex(key_bytes)}))
    for name in ("refresh", "erasure"):
        (folder / name).write_text(secrets.token_hex(32))
    (folder / "url").write_text(f"postgresql://{LOGIN}@127.0.0.1:{numbers['postgres']}/vote\n")
    make_next_key(folder / "keys")
    return {
        **{f"{name.upper()}_PORT": str(number) for name, number in numbers.items()},
        "DATABASE_URL_FILE": str(folder / "url"),
        "IDENTITY_DATABASE_URL_FILE": str(folder / "url"),
        "REPLICA_URL_FILE": str(folder / "url"),
        "REDIS_URL": f"redis://:{secrets.token_hex(16)}@127.0.0.1:{numbers['valkey']}/0",
        "JWKS_URL": "http://127.0.0.1:1/",
        "SEED_KEY_FILE": str(folder / "seed"),
        "RECEIPT_KEYS_FILE": str(folder / "receipts"),
        "SEAL_KEYS_FILE": str(folder / "seals"),
        "CHALLENGE_KEY_FILE": str(folder / "challenges"),
        "SECOND_FACTOR_KEY_FILE": str(folder / "factors"),
        "REFRESH_KEY_FILE": str(folder / "refresh"),
        "ERASURE_KEY_FILE": str(folder / "erasure"),
        "SIGNING_KEY_FOLDER": str(folder / "keys"),
    }


def refusal(words: list[str], env: Mapping[str, str]) -> str:
    """The one line of a process that doesn't start."""
    done = python_process.run([sys.executable, "-m", *words], {**BASE, **env, "VOTE_MODE": "production"})
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    [said] = done.stderr.splitlines()
    return said


@pytest.mark.parametrize(("name", "words"), [*PROGRAMS.items(), *TOOLS.items()])
def test_nothing_starts_with_a_demo_s_secrets(demo: dict[str, dict[str, str]], name: str, words: list[str]) -> None:
    """No process and no command line of the operator."""
    assert refusal(words, demo[name]).endswith(("is a demo's", "it is a demo's key", "is a demo's key"))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"PYTHONDEVMODE": "1"}, "PYTHONDEVMODE is for debugging"),
        ({"DATABASE_URL_FILE": "", "DATABASE_URL": f"postgresql://{LOGIN}@db.test/vote"}, "sslmode=verify-full"),
        ({"REPLICA_URL_FILE": "", "REPLICA_URL": f"postgresql://{LOGIN}@db.test/vote"}, "sslmode=verify-full"),
        (
            {
                "IDENTITY_DATABASE_URL_FILE": "",
                "IDENTITY_DATABASE_URL": f"postgresql://{LOGIN}@people.test/vote?sslmode=require",
            },
            "sslmode=verify-full",
        ),
        ({"REDIS_URL": "redis://redis.test/0"}, "rediss://"),
        ({"SMTP_SECURITY": "none"}, "starttls or tls is needed"),
        ({"CORS_ORIGINS": "anybody"}, "CORS_ORIGINS is malformed"),
    ],
)
def test_who_reads_a_wrong_setting_does_not_start(own: dict[str, str], wrong: dict[str, str], complaint: str) -> None:
    """Whatever it is."""
    readers = {
        "DATABASE_URL": ("command", "fanout"),
        "IDENTITY_DATABASE_URL": ("identity", "command", "query"),
        "REPLICA_URL": ("query", "sse"),
        "REDIS_URL": ("identity", "fanout", "query", "sse"),
        "CORS_ORIGINS": ("identity",),
        "SMTP_SECURITY": ("identity",),
        "PYTHONDEVMODE": ("command", "fanout"),
    }
    for name in readers[list(wrong)[-1]]:
        assert complaint in refusal(PROGRAMS[name], own | wrong)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_process_with_secrets_of_its_own_starts(own: dict[str, str], name: str) -> None:
    """Which may come from files; started as production does, in an interpreter of its own."""
    env = {**BASE, **own, "VOTE_MODE": "production"}
    with ServerProcess(lambda: [sys.executable, "-u", "-m", *PROGRAMS[name]], '"serving"', env).running():
        pass


def test_the_edge_is_never_public_without_tls(tmp_path: Path) -> None:
    """Plain HTTP only for this machine, certificates only from somebody whom browsers know."""
    for wrong in ({"EDGE_BIND": "0.0.0.0"}, {"EDGE_DOMAIN": "vote.test", "EDGE_CERTIFICATES": "internal"}):
        said = refusal(["ops.edge"], {"XDG_DATA_HOME": str(tmp_path), **wrong})
        assert said.startswith("edge: EDGE_")
        assert "is not fit for production" in said


def test_up_makes_demos_only(tmp_path: Path) -> None:
    """It says so, and touches nothing."""
    env = {**BASE, "DATA_DIR": str(tmp_path / "data"), "VOTE_MODE": "production"}
    words = [sys.executable, "-m", "ops.embedded.up"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("up: VOTE_MODE is production")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "data").exists()
