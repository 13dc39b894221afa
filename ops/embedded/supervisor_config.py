"""The Procfile's lines, the databases and the edge, written as programs of supervisord.

Whatever dies is started again, with a growing pause if it dies at once, for ever: honcho, which Procfiles are made
for, would end everything with it. Groups start in the order of their priority and stop in the opposite order, each
awaited: first the edge, so that nothing new comes in, then the services, which drain, and Postgres last.
"""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.embedded.data_folder import DataFolder

SERVICES_GROUP = "services"
BACKUP = "backup"
STARTED_AFTER_S = 3  # what ends sooner is started again with a pause that grows each time


@dataclass(frozen=True)
class Program:
    """A process to supervise; `group` is its own name unless it starts and stops with others."""

    name: str
    command: list[str]
    priority: int
    autostart: bool
    stop_signal: str = "TERM"
    stop_within_s: int = 20
    said: str = "log"  # the end of the name of the file with its stdout and stderr

    def section(self, folder: DataFolder, directory: Path) -> str:
        """Its part of the configuration file."""
        log = folder.logs / f"{self.name}.{self.said}"
        return "\n".join(
            [
                f"[program:{self.name}]",
                f"command={_literal(shlex.join(self.command))}",
                f"directory={_literal(str(directory))}",
                f"priority={self.priority}",
                f"autostart={str(self.autostart).lower()}",
                "autorestart=true",
                f"startsecs={STARTED_AFTER_S}",
                "startretries=1000000",
                f"stopsignal={self.stop_signal}",
                f"stopwaitsecs={self.stop_within_s}",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile={_literal(str(log))}",
                "stdout_logfile_maxbytes=10MB",
                "stdout_logfile_backups=3",
                "",
            ]
        )


def read_procfile(text: str) -> dict[str, list[str]]:
    """The command line of each process by name; raises ValueError on a line that is neither one nor a comment."""
    processes = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, command = line.partition(":")
        if not colon or not command.strip():
            raise ValueError(f"not a Procfile line: {line}")
        processes[name.strip()] = shlex.split(command)
    return processes


def postgres_program(command: list[str]) -> Program:
    """The embedded Postgres: first to start, last to stop, with time for its last checkpoint."""
    return Program("postgres", command, 1, autostart=True, stop_signal="INT", stop_within_s=120)


def replica_program(command: list[str]) -> Program:
    """Its standby: it stops before the primary, and once nobody votes any more."""
    return Program("replica", command, 2, autostart=True, stop_signal="INT", stop_within_s=120)


def backup_program(folder: DataFolder) -> Program:
    """The receiver of its WAL, which likewise stops before it, and takes up at the next start what was left."""
    words = launched_words(folder, BACKUP, ["python", "-m", "ops.backups.wal_receiver"])
    return Program(BACKUP, words, 2, autostart=True)


def valkey_program(command: list[str]) -> Program:
    """The embedded Redis protocol server."""
    return Program("valkey", command, 2, autostart=True)


def edge_program(folder: DataFolder) -> Program:
    """Caddy, the only one with a public port."""
    return Program("edge", launched_words(folder, "edge", ["python", "-m", "ops.edge"]), 30, autostart=False)


def observer_program(name: str, command: list[str]) -> Program:
    """One of those that look on: it stops after the services, whose last moments it sees, and before the databases."""
    return Program(name, command, 10, autostart=False)


def service_programs(folder: DataFolder, processes: Mapping[str, list[str]]) -> list[Program]:
    """The Procfile's processes, each started with an environment of its own; their logs they write themselves."""
    return [
        Program(name, launched_words(folder, name, words), 20, autostart=False, said="out")
        for name, words in processes.items()
    ]


def launched_words(folder: DataFolder, program: str, words: list[str]) -> list[str]:
    """A command line that becomes these words with the program's own environment."""
    return [sys.executable, "-m", "ops.embedded.launch", str(folder.root), program, *words]


def render(folder: DataFolder, directory: Path, programs: list[Program], services: list[str]) -> str:
    """The whole configuration file; `services` are the names that start and stop as one group."""
    head = f"""\
[supervisord]
nodaemon=true
silent=true
pidfile={_literal(str(folder.root / "supervisord.pid"))}
logfile={_literal(str(folder.logs / "supervisord.log"))}
logfile_maxbytes=10MB
logfile_backups=3
childlogdir={_literal(str(folder.logs))}
{"user=root" if os.geteuid() == 0 else ""}
[unix_http_server]
file={_literal(str(folder.supervisor_socket))}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[group:{SERVICES_GROUP}]
programs={",".join(services)}
priority=20

"""
    return head + "\n".join(program.section(folder, directory) for program in programs)


def without(configuration: str, name: str) -> str:
    """The configuration file without this program."""
    return re.sub(rf"(?ms)^\[program:{re.escape(name)}\]\n.*?(?=^\[|\Z)", "", configuration)


def _literal(text: str) -> str:
    return text.replace("%", "%%")
