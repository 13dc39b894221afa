"""A database of the rig: where each role finds it."""

import dataclasses

import psycopg

from ops.embedded.database_setup import bring_up_to_date, make_database
from ops.embedded.program_environment import LOGIN_ROLES, database_name, identity_beside, with_login

PASSWORD = "of-the-rig"  # noqa: S105  # of servers on the loopback that live for minutes


@dataclasses.dataclass(frozen=True)
class Database:
    """A database that the rig made, or (then for its superuser only) another one."""

    superuser_url: str

    def url(self, role: str = "postgres") -> str:
        """Where this role finds it; the superuser unless another is named."""
        return self.superuser_url if role == "postgres" else with_login(self.superuser_url, role, PASSWORD)

    @property
    def identity(self) -> "Database":
        """The database of people beside this ledger; `set_up` makes it."""
        return Database(identity_beside(self.superuser_url))

    def set_up(self) -> None:
        """Migrate it and the database of people beside it, and let the roles of the services in."""
        make_database(self.superuser_url, database_name(self.identity.superuser_url))
        bring_up_to_date(self.superuser_url, self.identity.superuser_url, dict.fromkeys(LOGIN_ROLES, PASSWORD))

    def settle(self) -> None:
        """Write out what earlier work left behind, so that a measurement doesn't pay for it."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def version(self) -> str:
        """Of its server."""
        with psycopg.connect(self.superuser_url) as connection:
            return str(connection.info.parameter_status("server_version"))
