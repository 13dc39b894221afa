"""From what the operator set to files in DATA_DIR: ports, secrets, the servers' folders, and the supervisor's programs.

Doing it again changes nothing but what has to: a port that is taken now, a setting that the operator changed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.settings import Mode, SettingError, read, setting
from ops.edge.settings import networks, port_number
from ops.embedded import observers, ports, supervisor_config
from ops.embedded.data_folder import DataFolder
from ops.embedded.postgres_server import PostgresServer
from ops.embedded.program_environment import Addresses, environments, identity_beside
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles, write_private
from ops.embedded.valkey_server import ValkeyServer

PROJECT = Path(__file__).parent.parent.parent
DATABASE = "vote"


@dataclass(frozen=True)
class Wishes:
    """What `./ops/up` is told. An address that is not set means: embedded; for reads: the primary; for people and
    sessions: a database beside the ledger's, named after it, which is made.

    Trusted proxies are load balancers before the edge, which may say where a request comes from.
    """

    edge_port: int = setting("EDGE_PORT", 8080, port_number)
    data_dir: Path = setting("DATA_DIR", Path(".data"), Path)
    database_url: str = setting("DATABASE_URL", "", secret=True)
    identity_url: str = setting("IDENTITY_DATABASE_URL", "", secret=True)
    replica_url: str = setting("REPLICA_URL", "", secret=True)
    redis_url: str = setting("REDIS_URL", "", secret=True)
    trusted_proxies: tuple[str, ...] = setting("TRUSTED_PROXIES", (), networks, "addresses and networks")


def read_wishes(env: Mapping[str, str]) -> Wishes:
    """From the environment; raises CannotStart."""
    try:
        if read(Mode, env).is_production:
            raise CannotStart("VOTE_MODE is production, and this makes a demo: run the processes of the Procfile")
        return read(Wishes, env)
    except SettingError as error:
        raise CannotStart(str(error)) from error


def configure(
    wishes: Wishes, folder: DataFolder, processes: Mapping[str, list[str]], *, observe: bool = False
) -> Addresses:
    """Write everything that the supervisor's programs read, and tell where they will be; raises CannotStart."""
    secrets = SecretFiles(folder.secrets)
    replicated = not wishes.database_url and folder.replica.exists()
    servers = ["postgres", "valkey", *(["replica"] if replicated else [])]
    numbers = ports.keep(folder.ports, [*servers, *processes, *(observers.NAMES if observe else [])])
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
    if observe:
        programs += observers.prepare(folder, numbers, list(processes))
    replica_url = wishes.replica_url
    if replicated:
        folder.refuse_promoted()
        replica = PostgresServer(folder.replica, numbers["replica"])
        replica.prepare("")  # its superuser is the primary's
        replica.follow(postgres.port)
        programs.append(supervisor_config.replica_program(replica.command()))
        replica_url = replica_url or replica.address(DATABASE)
    if not wishes.database_url and folder.archiving.exists():
        programs.append(supervisor_config.backup_program(folder))

    database_url = wishes.database_url or postgres.url("postgres", secrets.password("postgres"), DATABASE)
    redis_url = wishes.redis_url or valkey.url(secrets.password("valkey"))
    edge_addresses = tuple(ports.loopbacks())
    at = Addresses(
        database_url,
        wishes.identity_url or identity_beside(database_url),
        replica_url,
        redis_url,
        numbers,
        wishes.edge_port,
        edge_addresses,
        wishes.trusted_proxies,
    )
    write_private(folder.environment, json.dumps(environments(folder, secrets, at), indent=1))
    folder.supervisor_conf.write_text(supervisor_config.render(folder, PROJECT, programs, list(processes)))
    return at
