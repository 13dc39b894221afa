"""DATA_DIR: where each file of a running stack lies. Everything in it belongs to the operator alone.

ports.json  environment.json  demo.json  supervisord.conf  lock  archiving  secrets/  logs/  profiles/  postgres/
replica/  backups/  valkey/  caddy/  prometheus/
"""

import fcntl
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ops.embedded.refusal import CannotStart

SOCKET_PATH_BYTES_MAX = 90  # the kernel's limit is 107; supervisord first binds to a longer name beside it


@dataclass(frozen=True)
class DataFolder:
    """The paths of one stack; `root` is absolute."""

    root: Path

    def prepare(self) -> None:
        """Make the folders that are missing; raises CannotStart."""
        if set("%;#") & set(str(self.root)):
            raise CannotStart(f"DATA_DIR {self.root} has a %, ; or # in it, which the supervisor's file can't carry")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in (self.secrets, self.logs, self.caddy):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"can't write to DATA_DIR {self.root}: {error.strerror}") from error

    def lock(self) -> TextIO:
        """Hold this stack for as long as the answer stays open; raises CannotStart when another `up` holds it."""
        holder = (self.root / "lock").open("a+")
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder.seek(0)
            pid = holder.read().strip()
            raise CannotStart(
                f"already running on {self.root} (process {pid}); stop that one or set another DATA_DIR"
            ) from None
        holder.truncate(0)
        holder.write(str(os.getpid()))
        holder.flush()
        return holder

    @property
    def ports(self) -> Path:
        """The inner servers' ports by name."""
        return self.root / "ports.json"

    @property
    def environment(self) -> Path:
        """Each program's own environment, secrets included, by the program's name."""
        return self.root / "environment.json"

    @property
    def demo(self) -> Path:
        """What scripts need to use the running stack."""
        return self.root / "demo.json"

    @property
    def secrets(self) -> Path:
        """Keys and passwords, a file each."""
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        """A log for each program, rotated."""
        return self.root / "logs"

    @property
    def profiles(self) -> Path:
        """What ./ops/profile has drawn."""
        return self.root / "profiles"

    @property
    def postgres(self) -> Path:
        """The cluster."""
        return self.root / "postgres"

    @property
    def replica(self) -> Path:
        """The standby's cluster, if ./ops/replica has made one: whole, or not there."""
        return self.root / "replica"

    def refuse_promoted(self) -> None:
        """Raises CannotStart when that is a standby no longer: it may have votes that nothing else has."""
        if self.replica.exists() and not (self.replica / "standby.signal").exists():
            raise CannotStart(
                f"{self.replica} was promoted: move it to {self.postgres}, and what is there away, to go on with it "
                "(ops/runbooks/replica.md)"
            )

    @property
    def archiving(self) -> Path:
        """Names the folder that the WAL is archived in, if ./ops/backup has begun that."""
        return self.root / "archiving"

    @property
    def backups(self) -> Path:
        """Where backups go: as the file above says, else in here."""
        return Path(self.archiving.read_text()) if self.archiving.exists() else self.root / "backups"

    @property
    def valkey(self) -> Path:
        """Valkey's configuration."""
        return self.root / "valkey"

    @property
    def caddy(self) -> Path:
        """Where Caddy may write."""
        return self.root / "caddy"

    @property
    def prometheus(self) -> Path:
        """Prometheus' configuration and what it has scraped."""
        return self.root / "prometheus"

    @property
    def supervisor_conf(self) -> Path:
        """Generated from the Procfile."""
        return self.root / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's control socket; in the system's folder for such when this one's path is too long."""
        beside = self.root / "supervisor.sock"
        if len(os.fsencode(beside)) <= SOCKET_PATH_BYTES_MAX:
            return beside
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vote-{os.getuid()}-{name}" / "supervisor.sock"
