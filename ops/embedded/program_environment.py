"""Which program gets which settings: its own login, and no key that it doesn't need.

The superuser's URL goes to the operator's command lines alone; nobody but identity gets the signing key, nobody but
command the seal keys.
"""

import os
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ops.embedded.data_folder import DataFolder
from ops.embedded.secret_files import SecretFiles

LEDGER_ROLES = ("vote_command", "vote_fanout", "vote_query", "vote_auditor", "vote_monitor")
IDENTITY_ROLES = ("vote_identity", "vote_command", "vote_query")  # the last two for a function each
LOGIN_ROLES = ("vote_identity", *LEDGER_ROLES)
SERVICES = ("identity", "command", "fanout", "query", "sse")
# Of all requests, while somebody looks on: enough to see journeys of a demo. A client may ask for its own.
TRACED_SHARE = "0.1"
# What `up` takes from the operator, and what it hands out anew: none of it may leak through to every program.
_GIVEN = ("DATABASE_URL", "IDENTITY_DATABASE_URL", "REPLICA_URL", "PRIMARY_URL", "REDIS_URL")
HANDED_OUT = tuple(f"{name}{end}" for name in _GIVEN for end in ("", "_FILE"))


@dataclass(frozen=True)
class Addresses:
    """Where the servers of one stack are."""

    database_url: str  # the superuser's, as the next
    identity_url: str
    replica_url: str  # "": the primary answers reads too
    redis_url: str
    ports: dict[str, int]
    edge_port: int
    edge_addresses: tuple[str, ...] = ("127.0.0.1",)
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks

    @property
    def edge_url(self) -> str:
        """The public address, without a slash at its end."""
        return f"http://127.0.0.1:{self.edge_port}"

    def url_of(self, name: str) -> str:
        """The inner address of a program, without a slash at its end."""
        return f"http://127.0.0.1:{self.ports[name]}"


def edge_tuning() -> dict[str, str]:
    """What the edge's runtime is told where it shares the cores with all others.

    It collects garbage seldom, for a few MB (a seventh less CPU; tried), and keeps to half of the cores, which is what
    it needs beside command: with more, its threads wake each other up (a fifteenth of its CPU on two busy cores, a
    third where others want them too; tried).
    """
    return {"GOGC": "400", "GOMAXPROCS": str(max((os.cpu_count() or 1) // 2, 1))}


def with_login(url: str, user: str, password: str) -> str:
    """The same database for another user."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))


def on_database(url: str, name: str) -> str:
    """Another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))


def database_name(url: str) -> str:
    """The database that a URL leads to; a URL may leave out what is the user's name."""
    parts = urlsplit(url)
    return unquote(parts.path.removeprefix("/") or parts.username or "")


def identity_beside(url: str) -> str:
    """Where the identity database is unless the operator says where: on the ledger's server, named after it."""
    return on_database(url, f"{database_name(url)}_identity")


def environments(folder: DataFolder, secrets: SecretFiles, at: Addresses) -> dict[str, dict[str, str]]:
    """The environment of each program by its name; `operator` is for command lines."""
    ledger, identity = (
        {role: with_login(url, role, secrets.password(role)) for role in roles}
        for url, roles in ((at.database_url, LEDGER_ROLES), (at.identity_url, IDENTITY_ROLES))
    )
    ports = {f"{name.upper()}_PORT": str(port) for name, port in at.ports.items()}
    jwks = f"http://127.0.0.1:{at.ports['identity']}/.well-known/jwks.json"
    common = {**ports, "JWKS_URL": jwks, "SOURCES": "main", "SOURCE_NAME": "main", "PYTHONUNBUFFERED": "1"}
    common |= _tracing(at)
    read_at = readers(at.database_url, at.replica_url, secrets)
    reading = {"REDIS_URL": at.redis_url, "SEED_KEY_FILE": str(secrets.seed_keys())}
    verifying = {"SEED_KEY_FILE": str(secrets.seed_keys()), "RECEIPT_KEYS_FILE": str(secrets.receipt_keys())}
    own = {
        "identity": _identity(secrets, identity["vote_identity"], at),
        "command": {
            "DATABASE_URL": ledger["vote_command"],
            "IDENTITY_DATABASE_URL": identity["vote_command"],
            "REDIS_URL": at.redis_url,
            "SEAL_KEYS_FILE": str(secrets.seal_keys()),
            "CHALLENGE_KEY_FILE": str(secrets.challenge_keys()),
            **verifying,
        },
        "fanout": {"DATABASE_URL": ledger["vote_fanout"], "REDIS_URL": at.redis_url},
        "query": {"IDENTITY_DATABASE_URL": identity["vote_query"], **reading, **verifying, **read_at["query"]},
        "sse": {"IDENTITY_DATABASE_URL": identity["vote_query"], **reading, **read_at["sse"]},
        "audit": {
            **read_at["audit"],
            "SEAL_KEYS_FILE": str(secrets.seal_keys()),
            "RECEIPT_KEYS_FILE": str(secrets.receipt_keys()),
            "LIVE_DATABASE_URL": ledger["vote_fanout"],
            "REDIS_URL": at.redis_url,
            "QUERY_URL": at.url_of("query"),
        },
        "edge": _edge(folder, at),
        "exporter": {
            "DATABASE_URL": ledger["vote_monitor"],
            "REDIS_URL": at.redis_url,
            "BACKUP_DIR": str(folder.backups) if folder.archiving.exists() else "",
        },
        "backup": {
            "BACKUP_URL": with_login(at.database_url, "vote_backup", secrets.password("vote_backup")),
            "BACKUP_DIR": str(folder.backups),
        },
        "traces": {},
        "synthetic": {"DATA_DIR": str(folder.root), "EDGE_PORT": str(at.edge_port)},
        "operator": {
            "DATABASE_URL": at.database_url,
            "IDENTITY_DATABASE_URL": at.identity_url,
            "REDIS_URL": at.redis_url,
        },
    }
    # The command line does what hosts do by command and admins by identity.
    of_identity = (
        "IDENTITY_DATABASE_URL", "SIGNING_KEY_FOLDER", "REFRESH_KEY_FILE", "SEED_KEY_FILE", "STAFF_SECOND_FACTOR",
    )  # fmt: skip
    own["admin"] = {
        **{name: own["identity"][name] for name in of_identity},
        "DATABASE_URL": ledger["vote_command"],
        "SEAL_KEYS_FILE": str(secrets.seal_keys()),
    }
    return {name: {**common, **settings, **_log_of(folder, name)} for name, settings in own.items()}


def _identity(secrets: SecretFiles, database_url: str, at: Addresses) -> dict[str, str]:
    return {
        "IDENTITY_DATABASE_URL": database_url,
        "SIGNING_KEY_FOLDER": str(secrets.signing_keys()),
        "REFRESH_KEY_FILE": str(secrets.refresh_key()),
        "ERASURE_KEY_FILE": str(secrets.erasure_key()),
        "CHALLENGE_KEY_FILE": str(secrets.challenge_keys()),
        "SEED_KEY_FILE": str(secrets.seed_keys()),
        "SECOND_FACTOR_KEY_FILE": str(secrets.second_factor_keys()),
        "STAFF_SECOND_FACTOR": "offered",  # the demo's admin is a script
        "PASSKEY_ORIGINS": f"http://localhost:{at.edge_port}",
        "REDIS_URL": at.redis_url,
    }


def _edge(folder: DataFolder, at: Addresses) -> dict[str, str]:
    return {
        **edge_tuning(),
        "EDGE_PORT": str(at.edge_port),
        "EDGE_BIND": " ".join(f"[{each}]" if ":" in each else each for each in at.edge_addresses),
        "TRUSTED_PROXIES": " ".join(at.trusted_proxies),
        "XDG_DATA_HOME": str(folder.caddy),
        "HOME": str(folder.caddy),
    }


def _log_of(folder: DataFolder, name: str) -> dict[str, str]:
    """A service writes its log itself: so it sees when it can't."""
    return {"LOG_FILE": str(folder.logs / f"{name}.log")} if name in SERVICES else {}


def _tracing(at: Addresses) -> dict[str, str]:
    """Where spans go, if somebody takes them: ./ops/up --observe."""
    if "traces" not in at.ports:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": at.url_of("traces"),
        "OTEL_TRACES_SAMPLER_ARG": TRACED_SHARE,
        "OTEL_BSP_SCHEDULE_DELAY": "1000",  # ms: somebody waits to see them
    }


def readers(database_url: str, replica_url: str, secrets: SecretFiles) -> dict[str, dict[str, str]]:
    """Where those read who need no primary, by program; `replica_url` is "" where there is none.

    A login that the operator gave with the replica's address stands; else it is the reading services' own.
    """
    own = secrets.password("vote_query")
    read_at = replica_url or database_url
    given = bool(urlsplit(replica_url).username)
    services = {
        "REPLICA_URL": replica_url if given else with_login(read_at, "vote_query", own),
        "PRIMARY_URL": with_login(database_url, "vote_query", own) if replica_url else "",
    }
    auditor = with_login(read_at, "vote_auditor", secrets.password("vote_auditor"))
    return {"query": services, "sse": services, "audit": {"DATABASE_URL": auditor}}
