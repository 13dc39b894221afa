"""The supervisor's configuration, read back by the supervisor's own parser."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from ops.embedded import supervisor_config
from ops.embedded.data_folder import DataFolder

PROCFILE = "# a comment\ncommand: python -m command\nfanout: python -m fanout --note 'a b' 100%\n"


@pytest.fixture
def groups(tmp_path: Path) -> list[Any]:
    """The process groups that supervisord makes of it, in the order in which it starts them."""
    folder = DataFolder(tmp_path / "a folder's odd name")
    folder.prepare()
    processes = supervisor_config.read_procfile(PROCFILE)
    programs = [
        supervisor_config.edge_program(folder),
        supervisor_config.observer_program("exporter", ["python", "-m", "ops.observe.exporter"]),
        *supervisor_config.service_programs(folder, processes),
        supervisor_config.valkey_program(["valkey-server"]),
        supervisor_config.postgres_program(["postgres"]),
    ]
    folder.supervisor_conf.write_text(supervisor_config.render(folder, tmp_path, programs, list(processes)))
    options = ServerOptions()
    options.configfile = str(folder.supervisor_conf)
    options.process_config(do_usage=False)
    return sorted(options.process_group_configs)


def test_order(groups: list[Any]) -> None:
    """Databases start first and so stop last, but for them who looks on; the edge stops first; services go together."""
    assert [group.name for group in groups] == ["postgres", "valkey", "exporter", "services", "edge"]


def test_whatever_dies_comes_back(groups: list[Any]) -> None:
    """Every program is restarted whatever its exit code, and never given up."""
    programs = [program for group in groups for program in group.process_configs]
    assert {program.autorestart.__name__ for program in programs} == {"RestartUnconditionally"}
    assert min(program.startretries for program in programs) >= 1_000_000


def test_only_databases_start_by_themselves(groups: list[Any]) -> None:
    """Services and edge wait until the schema is there."""
    programs = {program.name: program.autostart for group in groups for program in group.process_configs}
    assert [name for name, autostart in programs.items() if autostart] == ["postgres", "valkey"]


def test_words_survive(groups: list[Any]) -> None:
    """Spaces and percent signs of a folder or a command line reach the process as they are."""
    [fanout] = [p for group in groups for p in group.process_configs if p.name == "fanout"]
    assert fanout.command.endswith("fanout python -m fanout --note 'a b' 100%")
    assert "odd name" in shlex.split(fanout.command)[3]


def test_malformed_procfile() -> None:
    """A line that names no process is an error, not a process that is missing."""
    with pytest.raises(ValueError, match="python -m command"):
        supervisor_config.read_procfile("python -m command")
