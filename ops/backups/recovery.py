"""One recovery of a copied cluster: archived WAL is replayed up to a moment, then the server is promoted and stopped.

Nobody can see more than its own words, so it needs no login; they are the progress, too. It listens on a free port of
this machine, admits whom the cluster admits, archives nothing, and waits for no standby.
"""

import contextlib
import datetime as dt
import re
import shlex
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.backups.backup_folder import BackupFolder
from ops.backups.source_server import PostgresPrograms
from ops.backups.wal_segments import read_history
from ops.embedded import ports, postgres_user
from ops.embedded.interruption import ignore_signals
from ops.embedded.refusal import CannotStart

_RESTORED = re.compile(r'restored log file "[0-9A-F]{24}" from archive')
_FACTS = {
    "timeline": re.compile(r"selected new timeline ID: (\d+)"),
    "moment": re.compile(r"last completed transaction was at log time (.+)"),
}
_ENDS_BEFORE = "recovery ended before configured recovery target was reached"
_PROMOTED = "database system is ready to accept connections"


@dataclass
class Recovered:
    """How far it came: the new timeline, its history, the LSN at which it begins, the last commit's time or ""."""

    timeline: str = ""
    history: Path = Path()
    moment: str = ""
    end_lsn: int = 0
    last_words: "deque[str]" = field(default_factory=lambda: deque(maxlen=12))


def restore_command(folder: BackupFolder, segment_bytes: int) -> str:
    """What Postgres asks for each segment: it is in one of the archive's folders, or was being written.

    What is there and can't be read must end the recovery: Postgres takes any code up to 125 for the end of the WAL. A
    segment that isn't of its size yet was never written to (the receiver's disk was full), and of two that were begun
    the later folder's goes on. The histories of what was
    restored are there so that the new timeline takes another number.
    """
    wal, restored = (shlex.quote(str(each).replace("%", "%%")) for each in (folder.wal, folder.restored))
    take = 'cp "$each" "%p" && exit 0; exit 255'
    begun = f'[ "$(wc -c < "$each")" -eq {segment_bytes} ]'
    return (
        f'for each in {wal}/*/%f {restored}/%f; do [ -f "$each" ] || continue; {take}; done; '
        f'last=; for each in {wal}/*/%f.partial; do [ -f "$each" ] && {begun} && last="$each"; done; '
        f'each="$last"; [ "$each" ] || exit 1; {take}'
    )


def recover(
    programs: PostgresPrograms,
    data: Path,
    restore_by: str,
    to: dt.datetime | None,
    timeline: int,
    replayed: Callable[[], object],
) -> Recovered:
    """Recover to a moment, or as far as there is WAL; `replayed` is called for each segment. Raises CannotStart."""
    signal_file = data / "recovery.signal"
    signal_file.touch()
    postgres_user.give(signal_file)
    with (data / "postgresql.auto.conf").open("a") as own:  # what the lost primary waited for would hold this one up
        own.write("# ./ops/restore\nsynchronous_standby_names = ''\nsynchronized_standby_slots = ''\n")
    settings = {
        "restore_command": restore_by,
        "recovery_target_timeline": str(timeline),
        "recovery_target_action": "promote",
        "archive_mode": "off",
        "hot_standby": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_min_messages": "warning",
        "lc_messages": "C",
        **({"recovery_target_time": to.isoformat()} if to else {}),
    }
    line = [*programs.words("postgres", data), "-D", str(data), "-p", str(ports.choose(["restore"], {})["restore"])]
    line += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with _running(line) as server:
        told = _listen(server, replayed)
    told.history = data / "pg_wal" / f"{int(told.timeline):08X}.history"
    told.end_lsn = read_history(told.history.read_text())[-1].until_lsn
    return told


@contextlib.contextmanager
def _running(line: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Until the end of the block, and cleanly stopped there."""
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield server
        except BaseException:
            ignore_signals()  # a second one would leave it running
            raise
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate()


def _listen(server: "subprocess.Popen[str]", replayed: Callable[[], object]) -> Recovered:
    assert server.stderr
    told = Recovered()
    for line in server.stderr:
        told.last_words.append(line)
        if _RESTORED.search(line):
            replayed()
        for name, words in _FACTS.items():
            if found := words.search(line):
                setattr(told, name, found[1].strip())
        if _PROMOTED in line:
            return told
    if any(_ENDS_BEFORE in line for line in told.last_words):
        raise CannotStart("the WAL that can be replayed ends before that moment: --to latest, or an earlier one")
    raise CannotStart("the recovery failed; Postgres said:\n" + "".join(told.last_words))
