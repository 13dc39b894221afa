"""Logs: what is written, how much of it, what becomes of it when it can't be written, and what it never tells."""

import json
import logging
import os
import threading
from pathlib import Path

import psycopg
import pytest

from command.settings import Captcha
from contract import log_writer, settings
from contract.log_pace import KINDS_MAX, Kind, LogPace
from contract.log_settings import AccessLog
from contract.log_writer import LOST, LogOutput, LogWriter
from contract.shown_settings import RememberingEnvironment, without_secrets
from contract.telemetry import CUT_CHARS, LINE_BYTES_MAX, JsonLines

STORM = Kind("a", "warning", "the same again")


def logger_to(output: LogOutput, lines_max: int = 10_000) -> tuple[logging.Logger, LogWriter]:
    """A logger of the test's own, and its started writer."""
    writer = LogWriter(output, LogPace(lines_max))
    writer.setFormatter(JsonLines("test"))
    writer.start()
    logger = logging.Logger("test")  # noqa: LOG001  # none that others share
    logger.addHandler(writer)
    return logger, writer


def lost() -> float:
    """How many lines were lost in this process so far."""
    return float(LOST._value.get())


def lines_of(path: Path) -> list[dict[str, object]]:
    """What stands in a log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_storm_is_thinned_out_and_counted() -> None:
    """Of one kind so many lines pass in a second; what was left out is counted, and the next second is a new one."""
    pace = LogPace(2)
    assert [pace.lets_pass(STORM, 10.0 + each / 10) for each in range(5)] == [True, True, False, False, False]
    assert pace.lets_pass(STORM._replace(message="another"), 10.5)
    assert pace.lets_pass(STORM, 11.0)
    assert (pace.take_left_out(), pace.take_left_out()) == ({STORM: 3}, {})


def test_kinds_are_bounded() -> None:
    """Messages that are all different, as of a library, take bounded memory and bounded lines."""
    pace = LogPace(1)
    passed = [pace.lets_pass(STORM._replace(message=str(number)), 10.0) for number in range(3 * KINDS_MAX)]
    assert sum(passed) == KINDS_MAX + 1
    assert sum(pace.take_left_out().values()) == 2 * KINDS_MAX - 1


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    """The log itself says how many lines of which message it left out."""
    logger, writer = logger_to(LogOutput(tmp_path / "log"), lines_max=1)
    for _ in range(4):
        logger.warning("again", extra={"reason": "x"})
    writer.close()
    lines = lines_of(tmp_path / "log")
    told = sum(line["message"] == "again" for line in lines)
    assert told + sum(int(str(line.get("lines", 0))) for line in lines) == 4
    assert {line["of"] for line in lines if line["message"] == "left out"} == {"again"}


def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    """A log that can't be written raises nothing; each lost line is counted."""
    before = lost()
    logger, writer = logger_to(LogOutput(Path("/dev/full")))
    for _ in range(3):
        logger.warning("there is no room")
    writer.close()
    assert lost() - before == 3


def test_a_pipe_that_nobody_reads_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the thread can't go on, callers go on all the same, memory is bounded, and the lines are counted."""
    reading, writing = os.pipe()
    monkeypatch.setattr(log_writer, "STDERR", writing)
    before = lost()
    logger, _ = logger_to(LogOutput(None))
    told = 3 * log_writer.WAITING_MAX
    for _ in range(told):
        logger.warning("nobody listens", extra={"reason": "x" * 1_000})
    lost_by_then = lost() - before
    assert told - log_writer.WAITING_MAX - 100 < lost_by_then <= told - log_writer.WAITING_MAX + 1
    os.close(reading)  # the thread goes on, and what waits is lost, too


def test_a_disk_with_room_again_is_written_to_again(tmp_path: Path) -> None:
    """After the trouble a torn line gets its end, so that each line is one again."""
    output = LogOutput(tmp_path / "log")
    output._torn = True
    output.write(b'{"a": 1}\n')
    output.write(b'{"a": 2}\n')
    assert (tmp_path / "log").read_text() == '\n{"a": 1}\n{"a": 2}\n'


def test_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log takes bounded room: some files of a bounded size, the oldest is replaced."""
    monkeypatch.setattr(log_writer, "FILE_BYTES_MAX", 9)
    output = LogOutput(tmp_path / "log")
    for number in range(10):
        output.write(b"line of %d\n" % number)
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    newest = ["log", "log.1", "log.2", "log.3"]
    assert kept == {name: f"line of {9 - age}\n" for age, name in enumerate(newest)}


def test_a_log_that_cannot_be_rotated_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an inode for a new file no line is lost, no old file is pushed out, and it is rotated later."""
    monkeypatch.setattr(log_writer, "FILE_BYTES_MAX", 9)
    output = LogOutput(tmp_path / "log")
    output.write(b"line of 0\n")
    with monkeypatch.context() as patched:
        patched.setattr(log_writer, "_opened", lambda _: os.open(tmp_path / "missing" / "log", os.O_WRONLY))
        for number in range(1, 4):
            output.write(b"line of %d\n" % number)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    output.write(b"line of 4\n")
    assert (tmp_path / "log.1").read_text() == "".join(f"line of {number}\n" for number in range(4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]


def test_an_end_tells_what_was_left_out(tmp_path: Path) -> None:
    """A process that ends holds the handler's lock, as logging.shutdown does, and loses nothing by it."""
    logger, writer = logger_to(LogOutput(tmp_path / "log"), lines_max=1)
    for _ in range(3):
        logger.warning("again")
    writer.acquire()
    writer.close()
    assert not writer._thread.is_alive()
    writer.release()
    assert sum(int(str(line.get("lines", 1))) for line in lines_of(tmp_path / "log")) == 3


def test_a_long_line_is_cut() -> None:
    """However much a field holds, a line is bounded and still JSON; of a text its end stays."""
    record = logging.makeLogRecord({"msg": "much", "event_nos": list(range(10_000)), "reason": "a" * 50_000 + "end"})
    line = JsonLines("test").format(record)
    assert len(line) <= LINE_BYTES_MAX
    assert json.loads(line)["reason"] == "a" * (CUT_CHARS - 3) + "end"


def test_no_line_has_a_row_of_the_database() -> None:
    """What Postgres says of the rows that it can't take is in no field and no traceback; what else they say stays."""
    rows = "\nDETAIL:  Failing row contains (7, a@b.example,\n\nx).\nCONTEXT:  line 3: a@b.example"
    said = f'null value in column "kind"{rows}'

    def fail(error: Exception) -> None:
        try:
            raise error
        except type(error) as cause:
            raise ExceptionGroup("all of it", [RuntimeError("another"), type(error)(said)]) from cause

    with pytest.raises(ExceptionGroup) as raised:
        fail(psycopg.errors.NotNullViolation(said))
    about = {"reason": said, "error": raised.value.exceptions[1], "task": repr(raised.value.exceptions[1])}
    info = (type(raised.value), raised.value, raised.value.__traceback__)
    line = json.loads(JsonLines("test").format(logging.makeLogRecord({"msg": said, "exc_info": info, **about})))
    assert "a@b.example" not in json.dumps(line)
    assert {line["message"], line["reason"], line["error"]} == {'null value in column "kind"'}
    assert line["exception"].count("null value in column") == 2
    assert "ExceptionGroup: all of it" in line["exception"]


def test_what_has_no_text_is_lost_and_harms_nobody() -> None:
    """A field that raises when it is written costs its line."""

    class Mute:
        def __str__(self) -> str:
            raise ValueError

    before = lost()
    logger, writer = logger_to(LogOutput(Path("/dev/null")))
    logger.warning("a field without words", extra={"field": Mute()})
    writer.close()
    assert lost() - before == 1
    assert not writer._thread.is_alive()
    assert threading.current_thread().is_alive()


def test_a_start_tells_settings_and_no_secret(tmp_path: Path) -> None:
    """What a process shows of its settings has no password, no parameter of a URL and nothing of what a file holds."""
    key = "0123456789abcdef" * 4
    (tmp_path / "seeds").write_text(json.dumps({"1": key}))
    (tmp_path / "captcha").write_text("captcha secret")
    (tmp_path / "redis").write_text("rediss://user:hidden5@redis.example/3?password=hidden6")
    env = RememberingEnvironment(
        {
            "DATABASE_URL": "postgresql://vote_command:hidden1@a.example:5432,b.example/vote?sslpassword=hidden2",
            "REPLICA_URL": "host=a.example password=hidden3",
            "REDIS_URL_FILE": str(tmp_path / "redis"),
            "JWKS_URL": "https://somebody:hidden4@keys.example/jwks.json?token=hidden7",
            "SEED_KEY_FILE": str(tmp_path / "seeds"),
            "CAPTCHA_SECRET_FILE": str(tmp_path / "captcha"),
        }
    )
    databases = (settings.Primary, settings.Replica, settings.Redis)
    for piece in (*databases, settings.Verification, Captcha, AccessLog):
        settings.read(piece, env)
    told = json.dumps(env.shown)
    assert not [secret for secret in ("hidden", key, "captcha secret") if secret in told]
    assert env.shown["DATABASE_URL"] == "postgresql://vote_command@a.example:5432,b.example/vote"
    assert env.shown["REDIS_URL"] == "rediss://user@redis.example/3"
    assert env.shown["REPLICA_URL"] == "(secret)"
    assert env.shown["SEED_KEY_FILE"] == str(tmp_path / "seeds")
    assert env.shown["ACCESS_LOG_RATIO"] == "0.001"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:ab#cd@h/db", "(secret)"),
        ("postgresql://u:ab?cd@h/db", "(secret)"),
        ("postgresql://u:ab#cd", "(secret)"),
        ("postgresql://u:a[b@h/db", "postgresql://u@h/db"),
        ("postgresql://u:a/b@c@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@h/db?password=a@b", "(secret)"),
        ("https://[keys.example/?token=a", "(secret)"),
        ("postgresql://u:p@[::1]:5432,b:1/db?sslmode=require", "postgresql://u@[::1]:5432,b:1/db"),
        ("postgresql:///db?host=/run&user=u&password=p", "postgresql:///db"),
        ("unix://u:p@/run/valkey.sock?db=1", "unix://u@/run/valkey.sock"),
    ],
)
def test_an_odd_url_shows_nothing_of_its_password(url: str, shown: str) -> None:
    """What ends a host elsewhere may stand in a password: nothing after the user's name is shown, and nothing fails."""
    assert without_secrets(url, secret=True) == without_secrets(url, secret=False) == shown
