"""For each alert: what series look like before, in and after the fault that it is for. Samples come every five seconds.

healthy 300 s │ fault │ healthy again       it fires within `within_s` of the beginning, and is quiet `after_s` later
"""

from collections.abc import Mapping
from dataclasses import dataclass

STEP_S, HEALTHY_STEPS, HEALED_STEPS = 5, 60, 70
GONE = "gone"


@dataclass(frozen=True)
class Gauge:
    """A value while all is well and in the fault; GONE: there is no series then."""

    well: float | str
    fault: float | str

    def values(self, fault_steps: int) -> str:
        """In promtool's notation: "a x n" is n + 1 samples."""
        spans = (self.well, HEALTHY_STEPS), (self.fault, fault_steps), (self.well, HEALED_STEPS)
        return " ".join(_gone(steps) if value == GONE else f"{value}x{steps - 1}" for value, steps in spans)


@dataclass(frozen=True)
class Rate:
    """A counter that grows by so much a second while all is well, and in the fault."""

    well: float
    fault: float

    def values(self, fault_steps: int) -> str:
        """In promtool's notation: "a+b x n" goes up from a in n steps of b."""
        parts, value = [], 0.0
        for a_second, count in (self.well, HEALTHY_STEPS), (self.fault, fault_steps), (self.well, HEALED_STEPS):
            step = a_second * STEP_S
            parts.append(f"{value + step:g}+{step:g}x{count - 1}")
            value += step * count
        return " ".join(parts)


@dataclass(frozen=True)
class Clock:
    """The Unix time of something that goes on while all is well, and stands still in the fault, or is GONE.

    The tests' time begins at 0.
    """

    fault: str = ""

    def values(self, fault_steps: int) -> str:
        """In promtool's notation."""
        stands = f"{(HEALTHY_STEPS - 1) * STEP_S}x{fault_steps - 1}"
        in_fault = _gone(fault_steps) if self.fault == GONE else stands
        goes_on = (HEALTHY_STEPS + fault_steps) * STEP_S
        return f"0+{STEP_S}x{HEALTHY_STEPS - 1} {in_fault} {goes_on}+{STEP_S}x{HEALED_STEPS - 1}"


Series = Gauge | Rate | Clock


def _gone(steps: int) -> str:
    return f"stale _x{steps - 1}"


@dataclass(frozen=True)
class Case:
    """An alert, and the series by which it fires and clears."""

    alert: str
    series: Mapping[str, Series]
    within_s: int = 60
    after_s: int = 90
    fault_s: int = 120

    @property
    def metrics(self) -> set[str]:
        """The names of its metrics."""
        return {series.partition("{")[0] for series in self.series}


_SEEN = "vote_synthetic_last_seen_unix_seconds"
_PER_HOUR = "vote_synthetic_per_hour"
# What is there in every case that says nothing else of it: all processes are scraped, and synthetic votes seen.
ALWAYS: Mapping[str, Series] = {
    _SEEN: Rate(1, 1),
    _PER_HOUR: Gauge(1_000, 1_000),
    **{f'up{{job="{job}", instance="a:1"}}': Gauge(1, 1) for job in ("command", "identity", "fanout", "query", "sse")},
}


def _answers(route: str, status: int) -> str:
    return f'vote_http_answers_total{{job="a", instance="a:1", route="{route}", status="{status}"}}'


def _failing(alert: str, route: str, share: float, **how: int) -> Case:
    taken = Rate(10, 10 * (1 - share))
    return Case(alert, {_answers(route, 200): taken, _answers(route, 503): Rate(0, 10 * share)}, **how)


def _slow(alert: str, histogram: str, labels: str, le: str, share: float, **how: int) -> Case:
    """This share isn't within the bound, but within the next."""
    buckets: dict[str, Series] = {
        f'{histogram}_bucket{{{labels}, le="{le}"}}': Rate(10, 10 * (1 - share)),
        f'{histogram}_bucket{{{labels}, le="+Inf"}}': Rate(10, 10),
        f"{histogram}_count{{{labels}}}": Rate(10, 10),
    }
    return Case(alert, buckets, **how)


_VOTE, _READ = 'route="command.vote_submit"', 'route="query.leaderboard"'
_LONG = {"within_s": 590, "after_s": 330, "fault_s": 600}
_ACKS, _TALLIES, _SCREENS = (
    f'stage="{each}"' for each in ("received_to_acked", "committed_to_tallied", "committed_to_delivered")
)

OBJECTIVES = [
    _failing("VotesFailing", "command.vote_submit", 1),
    _failing("VotesFailingSlowly", "command.vote_submit", 0.005, **_LONG),
    _failing("ReadsFailing", "query.leaderboard", 1),
    _slow("AcksSlow", "vote_stage_seconds", _ACKS, "0.05", 1),
    _slow("AcksSlowForLong", "vote_stage_seconds", _ACKS, "0.05", 0.13, **_LONG),
    _slow("VotesSlow", "vote_http_seconds", _VOTE, "0.15", 1),
    _slow("VotesSlowForLong", "vote_http_seconds", _VOTE, "0.15", 0.1, **_LONG),
    _slow("ReadsSlow", "vote_http_seconds", _READ, "0.2", 1),
    _slow("ReadsSlowForLong", "vote_http_seconds", _READ, "0.2", 0.1, **_LONG),
    _slow("TalliesLate", "vote_stage_seconds", _TALLIES, "0.2", 1),
    _slow("ResultsLate", "vote_stage_seconds", _SCREENS, "0.5", 1),
    _slow("ResultsVeryLate", "vote_stage_seconds", _SCREENS, "1.0", 1),
    _slow("ResultsLateForLong", "vote_stage_seconds", _SCREENS, "0.5", 0.13, **_LONG),
]
_AT = 'job="query", instance="a:1"'
PROCESSES = [
    Case("ProcessSilent", {f"up{{{_AT}}}": Gauge(1, 0)}),
    Case("ProcessMissing", {'up{job="sse", instance="a:1"}': Gauge(1, GONE)}),
    Case(
        "ProcessNotReady", {f"vote_ready{{{_AT}}}": Gauge(1, 0), 'vote_ready{job="query", instance="b:1"}': Gauge(1, 0)}
    ),
    Case(
        "InstanceNotReady",
        {f"vote_ready{{{_AT}}}": Gauge(1, 0), 'vote_ready{job="query", instance="b:1"}': Gauge(1, 1)},
        within_s=70,
    ),
    Case("ProcessRestarting", {f"process_start_time_seconds{{{_AT}}}": Rate(0, 1)}, after_s=330),
    Case("ProcessBusy", {f"process_cpu_seconds_total{{{_AT}}}": Rate(0.5, 1)}, within_s=115),
    Case(
        "FilesRunOut", {f"process_open_fds{{{_AT}}}": Gauge(100, 900), f"process_max_fds{{{_AT}}}": Gauge(1000, 1000)}
    ),
    Case("ErrorsLogged", {f'vote_log_lines_total{{{_AT}, level="error"}}': Rate(0.01, 5)}),
    Case("LogLinesLost", {f"vote_log_lines_lost_total{{{_AT}}}": Rate(0, 0.2)}),
]
_ACCEPTED = 'vote_outcomes_total{outcome="accepted"}'
COUNTING = [
    Case("CountingBehind", {'vote_fanout_lag_seconds{job="fanout", instance="a:1"}': Gauge(0, 4)}),
    Case("CountingStopped", {_ACCEPTED: Rate(10, 10), "vote_fanout_rows_total": Rate(10, 0)}),
    Case("CheckpointOld", {"vote_fanout_checkpoint_unix_seconds": Clock(), "vote_fanout_rows_total": Rate(10, 10)}),
    Case("SlotHoldsWal", {'vote_pg_slot_retained_bytes{slot="fanout_main"}': Gauge(1e6, 2e9)}),
    Case(
        "SlotNearlyLost",
        {
            'vote_fanout_slot_safe_bytes{instance="a:1"}': Gauge(4e9, 5e8),
            'vote_fanout_slot_safe_bytes{instance="b:1"}': Gauge(-1, -1),  # waits for the slot
        },
    ),
    Case("TalliesChanged", {"vote_fanout_repairs_total": Rate(0, 0.1)}, after_s=330),
    Case("AuditFinding", {'vote_audit_findings{event_id="e", finding="Another seal?"}': Gauge(0, 1)}),
]
_ARCHIVE: Mapping[str, Series] = {
    "vote_backup_wal_unix_seconds": Clock(),
    "vote_backup_up": Gauge(1, 0),
    "vote_pg_up": Gauge(1, 1),
}
_KEPT = 'vote_pg_slot_retained_bytes{slot="vote_backup"}'
_NOBODY_WRITES = {
    'vote_backup_wal_unix_seconds{instance="b:1"}': Gauge(0, 0),
    'vote_backup_up{instance="b:1"}': Gauge(1, 1),
    'vote_pg_up{instance="b:1"}': Gauge(1, 1),
    'vote_pg_slot_retained_bytes{instance="b:1", slot="vote_backup"}': Gauge(0, 0),
}
_ENDED = {'vote_backup_last_unix_seconds{instance="b:1"}': Gauge(-93_600, -93_600)}
_FREE = '{instance="a:1", mountpoint="/", fstype="ext4"}'
STORES = [
    Case("RedisAway", {"vote_redis_up": Gauge(1, 0)}),
    Case("RedisAway", {"vote_fanout_redis_failures_total": Rate(0, 2)}),
    Case(
        "RedisMemoryFull",
        {"vote_redis_memory_bytes": Gauge(1e6, 4e8), "vote_redis_memory_limit_bytes": Gauge(5e8, 5e8)},
    ),
    Case("PostgresAway", {"vote_pg_up": Gauge(1, 0)}),
    Case("PostgresSlow", {"vote_batch_seconds_sum": Rate(0.1, 5), "vote_batch_seconds_count": Rate(10, 10)}),
    Case("TransactionOld", {"vote_pg_oldest_transaction_seconds": Gauge(1, 400)}),
    Case("Deadlocks", {"vote_pg_deadlocks_total": Rate(0, 0.1)}, after_s=330),
    Case("ReplicaBehind", {'vote_replica_behind_seconds{job="query", instance="a:1"}': Gauge(0, 600)}),
    Case("StandbyLost", {"vote_pg_up": Gauge(1, 1), 'vote_pg_standbys{state="streaming"}': Gauge(1, GONE)}),
    Case("BackupOld", {"vote_backup_last_unix_seconds": Gauge(0, -93_600), "vote_backup_up": Gauge(1, 0), **_ENDED}),
    Case("NoBackup", {'vote_backup_up{instance="b:1"}': Gauge(GONE, 1)}, **_LONG),
    Case("WalNotArchived", {**_ARCHIVE, _KEPT: Gauge(0, 1e6), **_NOBODY_WRITES}),
    Case("WalNotArchived", {**_ARCHIVE, _KEPT: Gauge(0, GONE)}),
    Case(
        "DiskFills",
        {
            f"node_filesystem_avail_bytes{_FREE}": Gauge(5e9, 5e8),
            f"node_filesystem_size_bytes{_FREE}": Gauge(1e10, 1e10),
        },
    ),
    Case("MachineBusy", {'node_cpu_seconds_total{instance="a:1", mode="idle"}': Rate(0.5, 0.1)}, **_LONG),
]
_SENT = _answers("command.vote_submit", 200)
VOTES = [
    Case("OutcomesUnknown", {"vote_unknown_outcomes_total": Rate(0, 0.5)}),
    Case("QueueLong", {'vote_queue_votes{instance="a:1"}': Gauge(10, 9000)}),
    Case("ChangesUnheard", {'vote_changes_heard_unix_seconds{job="command", instance="a:1"}': Clock()}),
    Case("Flood", {'vote_limited_total{limit="account"}': Rate(0, 50), _SENT: Rate(100, 100)}),
    Case(
        "RefusedByRule",
        {'vote_rule_hits_total{rule="farm", action="refuse"}': Rate(0, 5), "vote_outcomes_total": Rate(100, 100)},
    ),
    Case(
        "ClientsRefused",
        {'vote_refusals_total{reason="unauthorized"}': Rate(0, 50), _SENT: Rate(100, 100)},
        within_s=90,
    ),
    Case("ViewersCut", {"vote_stream_cut_clients_total": Rate(0, 5), "vote_stream_subscribers": Gauge(1000, 1000)}),
]
LOGINS = [
    Case("LoginQueueLong", {'vote_login_queue{instance="a:1"}': Gauge(1, 100)}),
    Case("RevocationsMany", {'vote_revoked_sessions{job="command", instance="a:1"}': Gauge(1_000, 950_000)}),
    Case("RevocationsUnheard", {'vote_revocations_heard_unix_seconds{job="command"}': Clock()}),
    Case("IssuerAway", {'vote_issuer_key_fetches_total{outcome="failed"}': Rate(0, 0.1)}),
]
SYNTHETIC = [
    Case("SyntheticSilent", {_SEEN: Clock()}),
    Case("SyntheticSilent", {_SEEN: Clock(), _PER_HOUR: Gauge(120, 120)}, within_s=115),  # 90 s are three of them
    Case("SyntheticSilent", {_SEEN: Clock(GONE)}),
    Case("SyntheticMissing", {'up{job="synthetic", instance="a:1"}': Gauge(1, 0)}, **_LONG),
    Case("SyntheticVotesLost", {'vote_synthetic_votes_total{outcome="lost_at_stream"}': Rate(0, 0.1)}),
]

CASES = [*OBJECTIVES, *PROCESSES, *COUNTING, *STORES, *VOTES, *LOGINS, *SYNTHETIC]
