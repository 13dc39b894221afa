"""From what the operator set to files in DATA_DIR: ports, secrets, the servers' folders, and the supervisor's programs.

Doing it again changes nothing but what has to: a port that is taken now, a setting that the operator changed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.embedded import ports, supervisor_config
from ops.embedded.data_folder import DataFolder
from ops.embedded.postgres_server import PostgresServer
from ops.embedded.program_environment import Addresses, environments
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles, write_private
from ops.embedded.valkey_server import ValkeyServer

PROJECT = Path(__file__).parent.parent.parent
DATABASE = "vote"


@dataclass(frozen=True)
class Wishes:
    """What the operator set: EDGE_PORT, DATA_DIR, DATABASE_URL, REPLICA_URL, REDIS_URL ("" means: embedded)."""

    edge_port: int
    data_dir: Path
    database_url: str
    replica_url: str
    redis_url: str


def read_wishes(env: Mapping[str, str]) -> Wishes:
    """From the environment; raises CannotStart."""
    text = env.get("EDGE_PORT") or "8080"
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise CannotStart(f"EDGE_PORT must be a port number, not {text}")
    return Wishes(
        edge_port=int(text),
        data_dir=Path(env.get("DATA_DIR") or PROJECT / ".data").absolute(),
        database_url=env.get("DATABASE_URL", ""),
        replica_url=env.get("REPLICA_URL", ""),
        redis_url=env.get("REDIS_URL", ""),
    )


def configure(wishes: Wishes, folder: DataFolder, processes: Mapping[str, list[str]]) -> Addresses:
    """Write everything that the supervisor's programs read, and tell where they will be; raises CannotStart."""
    secrets = SecretFiles(folder.secrets)
    numbers = ports.keep(folder.ports, ["postgres", "valkey", *processes])
    postgres = PostgresServer(folder.postgres, numbers["postgres"])
    valkey = ValkeyServer(folder.valkey, numbers["valkey"])
    programs = supervisor_config.service_programs(folder, processes)
    if not wishes.redis_url:
        valkey.prepare(secrets.password("valkey"))
        programs.append(supervisor_config.valkey_program(valkey.command()))
    if not wishes.database_url:
        postgres.prepare(secrets.password("postgres"))
        programs.append(supervisor_config.postgres_program(postgres.command()))
    programs.append(supervisor_config.edge_program(folder))

    database_url = wishes.database_url or postgres.url("postgres", secrets.password("postgres"), DATABASE)
    redis_url = wishes.redis_url or valkey.url(secrets.password("valkey"))
    at = Addresses(database_url, wishes.replica_url, redis_url, numbers, wishes.edge_port)
    write_private(folder.environment, json.dumps(environments(folder, secrets, at), indent=1))
    folder.supervisor_conf.write_text(supervisor_config.render(folder, PROJECT, programs, list(processes)))
    return at
