"""What production refuses, setting by setting, and what it takes; elsewhere nothing of it is asked."""

import dataclasses
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from command.identity.settings import Attempts, Retention, SecondFactors, Signing, StaffLogin
from command.identity.signing_keys import load_signing_keys, make_next_key
from contract import production, settings
from ops.edge.settings import Edge
from ops.embedded.secret_files import SecretFiles
from ops.embedded.stack_configuration import read_wishes

PRODUCTION = {"VOTE_MODE": "production"}
LOGIN = "vote_command:of-sixteen-characters"


def refuses(check: Callable[[str], None], value: str) -> bool:
    """Whether it does; the reason repeats nothing of a password."""
    reason = why_not(lambda: check(value))
    assert "sixteen" not in reason
    return bool(reason)


def why_not(read: Callable[[], object]) -> str:
    try:
        read()
    except (ValueError, settings.SettingError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        (f"postgresql://{LOGIN}@db.test/vote?sslmode=verify-full&sslrootcert=/ca.pem", True),
        (f"postgresql://{LOGIN}@127.0.0.1:5432/vote", True),
        (f"postgresql://{LOGIN}@[::1]:5432/vote", True),
        (f"postgresql://{LOGIN}@%2Frun%2Fpostgresql/vote", True),
        (f"postgresql://{LOGIN}@/vote?host=/run/postgresql", True),
        ("postgresql://vote_command@db.test/vote?sslmode=verify-full&sslcert=/own.pem", True),
        (f"postgresql://{LOGIN}@db.test/vote", False),
        (f"postgresql://{LOGIN}@db.test/vote?sslmode=require", False),
        (f"postgresql://{LOGIN}@db.test/vote?sslmode=verify-ca", False),
        (f"postgresql://{LOGIN}@db.test/vote?sslmode=verify-full&sslmode=disable", False),
        (f"postgresql://{LOGIN}@localhost:5432,db.test:5433/vote", False),
        (f"postgresql://{LOGIN}@localhost/vote?host=db.test", False),
        (f"postgresql://{LOGIN}@localhost/vote?hostaddr=192.0.2.7", False),
        (f"postgresql://{LOGIN}@/vote", False),
        ("postgresql://vote_command:demo-of-sixteen-characters@localhost/vote", False),
        ("postgresql://vote_command:short@localhost/vote", False),
    ],
)
def test_postgres(url: str, *, fit: bool) -> None:
    """Every server that a connection string may lead to is this machine or proves its name; no demo's password."""
    assert refuses(production.certified_postgres, url) is not fit


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("rediss://:of-sixteen-characters@redis.test/0?ssl_ca_certs=/ca.pem", True),
        ("redis://127.0.0.1:6379/0", True),
        ("unix:///run/redis.sock", True),
        ("redis://redis.test/0", False),
        ("rediss://redis.test/0?ssl_cert_reqs=none", False),
        ("rediss://redis.test/0?ssl_check_hostname=False", False),
        ("redis://:demo-of-sixteen-characters@127.0.0.1/0", False),
    ],
)
def test_redis(url: str, *, fit: bool) -> None:
    """Likewise, and nothing may switch off what TLS checks."""
    assert refuses(production.certified_redis, url) is not fit


@pytest.mark.parametrize(
    ("url", "fit"), [("https://id.test/jwks", True), ("http://127.0.0.1/", True), ("http://id.test/jwks", False)]
)
def test_other_services(url: str, *, fit: bool) -> None:
    """Whoever could answer for identity could make voters; for a captcha, people."""
    assert refuses(production.certified_http, url) is not fit


@pytest.mark.parametrize(
    ("piece", "wrong"),
    [(StaffLogin, {"STAFF_SECOND_FACTOR": "offered"}), (SecondFactors, {"PASSKEY_ORIGINS": "http://show.test"})],
)
def test_staff_is_held_to_second_factors(piece: type, wrong: dict[str, str], tmp_path: Path) -> None:
    """By default; nobody can switch that off in production, or ask for passkeys on a page that others can change."""
    (tmp_path / "keys").write_text(json.dumps({"1": bytes(range(32)).hex()}))
    env = {"SECOND_FACTOR_KEY_FILE": str(tmp_path / "keys"), **PRODUCTION}
    settings.read(piece, env)
    settings.read(piece, env | wrong | {"VOTE_MODE": "development"})
    with pytest.raises(settings.SettingError, match=next(iter(wrong))):
        settings.read(piece, env | wrong)


def test_secrets_for_tests() -> None:
    """What captcha providers give to try with takes anybody for a person."""
    assert refuses(production.real_secret, "1x0000000000000000000000000000000AA")
    assert not refuses(production.real_secret, "0x4AAAAAAADnPIDROrmt1Wwj8Zq2Yb7Kc5e")
    assert not refuses(production.real_secret, "")


def test_secrets_of_the_demo_are_known(tmp_path: Path) -> None:
    """Each that ops/up makes is one that production refuses, and works elsewhere."""
    demo = SecretFiles(tmp_path)
    env = {
        "SEED_KEY_FILE": str(demo.seed_keys()),
        "RECEIPT_KEYS_FILE": str(demo.receipt_keys()),
        "SEAL_KEYS_FILE": str(demo.seal_keys()),
        "CHALLENGE_KEY_FILE": str(demo.challenge_keys()),
        "SECOND_FACTOR_KEY_FILE": str(demo.second_factor_keys()),
        "REFRESH_KEY_FILE": str(demo.refresh_key()),
        "ERASURE_KEY_FILE": str(demo.erasure_key()),
        "SIGNING_KEY_FOLDER": str(demo.signing_keys()),
        "JWKS_URL": "http://127.0.0.1/",
        "DATABASE_URL": f"postgresql://vote_query:{demo.password('vote_query')}@127.0.0.1/vote",
        "REDIS_URL": f"redis://:{demo.password('valkey')}@127.0.0.1/0",
    }
    pieces = (settings.Primary, settings.Redis, settings.Verification, settings.ReceiptKeys, settings.SealKeys)
    for piece in (*pieces, settings.ChallengeKeys, Signing, Retention, Attempts):
        settings.read(piece, env)
        fields = [field.metadata for field in dataclasses.fields(piece) if field.metadata["check"]]
        for field in fields:
            if field["variable"] != "JWKS_URL":
                value = field["parse"](env[field["variable"]])
                with pytest.raises(ValueError, match="demo's"):
                    field["check"](value)
        with pytest.raises(settings.SettingError, match="demo's"):
            settings.read(piece, env | PRODUCTION)
    assert load_signing_keys(demo.signing_keys())


def test_placeholders_are_no_keys(tmp_path: Path) -> None:
    """A key of zeros is none; a random one, and a signing key that an operator made, are."""
    (tmp_path / "refresh").write_text("00" * 32)
    (tmp_path / "seed").write_text(json.dumps({"1": secrets.token_hex(32)}))
    make_next_key(tmp_path / "keys")
    env = PRODUCTION | {
        "REFRESH_KEY_FILE": str(tmp_path / "refresh"),
        "SEED_KEY_FILE": str(tmp_path / "seed"),
        "SIGNING_KEY_FOLDER": str(tmp_path / "keys"),
    }
    with pytest.raises(settings.SettingError, match="REFRESH_KEY_FILE is not fit for production: it is a placeholder"):
        settings.read(Signing, env)
    (tmp_path / "refresh").write_text(secrets.token_hex(32))
    settings.read(Signing, env)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"EDGE_BIND": "127.0.0.1 [::1]"}, ""),
        ({"EDGE_BIND": "192.0.2.7"}, "EDGE_BIND is not fit for production"),
        ({"EDGE_BIND": "0.0.0.0", "EDGE_DOMAIN": "vote.test"}, "EDGE_BIND is not fit for production"),
        ({"EDGE_DOMAIN": "vote.test", "EDGE_CERTIFICATES": "internal"}, "EDGE_CERTIFICATES is not fit for production"),
        ({"EDGE_DOMAIN": "vote.test {"}, "EDGE_DOMAIN is malformed"),
        ({"EDGE_CERTIFICATES": "/nowhere/cert.pem /nowhere/key.pem"}, "EDGE_CERTIFICATES is malformed"),
        ({"EDGE_CERTIFICATES": "automatic {"}, "EDGE_CERTIFICATES is malformed"),
        ({"EDGE_BIND": "localhost"}, "EDGE_BIND is malformed"),
    ],
)
def test_edge(given: dict[str, str], complaint: str) -> None:
    """Plain HTTP is for this machine only, certificates are of somebody whom browsers know."""
    reason = why_not(lambda: settings.read(Edge, given | PRODUCTION))
    assert reason.startswith(complaint)
    assert bool(reason) is bool(complaint)


@pytest.mark.parametrize("variable", ["PYTHONDEVMODE", "PYTHONASYNCIODEBUG"])
def test_debugging(variable: str) -> None:
    """Not in production."""
    settings.read(settings.Listening, {variable: "1"})
    with pytest.raises(settings.SettingError, match=variable):
        settings.read(settings.Listening, {variable: "1"} | PRODUCTION)


def test_mode_has_two_names() -> None:
    """A misspelt production is not development."""
    with pytest.raises(settings.SettingError, match="VOTE_MODE is malformed"):
        settings.read(settings.Listening, {"VOTE_MODE": "prod"})


def test_secrets_from_files(tmp_path: Path) -> None:
    """As Docker and Kubernetes give them; not both ways, and a file that isn't there is named."""
    (tmp_path / "url").write_text("postgresql://h/vote\n")
    given = {"DATABASE_URL_FILE": str(tmp_path / "url")}
    assert settings.read(settings.Primary, given).url == "postgresql://h/vote"
    assert read_wishes(given).database_url == "postgresql://h/vote"
    with pytest.raises(settings.SettingError, match="both set"):
        settings.read(settings.Primary, given | {"DATABASE_URL": "postgresql://h/vote"})
    with pytest.raises(settings.SettingError, match="DATABASE_URL_FILE can't be read"):
        settings.read(settings.Primary, {"DATABASE_URL_FILE": str(tmp_path / "none")})
    with pytest.raises(settings.SettingError, match="DATABASE_URL is not set"):
        settings.read(settings.Primary, {})


@pytest.mark.parametrize(
    "text", ["https://a.test/", "a.test", "https://a.test *", "https://A.test", "https://a.test {"]
)
def test_origins_as_browsers_write_them(text: str) -> None:
    """Whatever a browser would never send is refused rather than never matched."""
    with pytest.raises(settings.SettingError, match="CORS_ORIGINS"):
        settings.read(settings.CrossOrigin, {"CORS_ORIGINS": text})
