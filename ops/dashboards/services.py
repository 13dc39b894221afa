"""A dashboard for each process of the Procfile: what it does, how long it takes, what it refuses, what it costs."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from ops.dashboards import objectives
from ops.dashboards.panels import (
    BYTES,
    NUMBER,
    QUARTER,
    SECONDS,
    SHARE,
    AnyPanel,
    Query,
    dashboard,
    graph,
    latency,
    quantiles,
    rate,
    rates,
    states,
)


def command() -> Dashboard:
    """Votes taken."""
    acked = '{stage="received_to_acked"}'
    heard = Query("time() - vote_changes_heard_unix_seconds", "{{instance}}")
    rules = Query("sum by (rule, action) (rate(vote_rule_hits_total[$__rate_interval]))", "{{rule}}: {{action}}")
    panels = [
        rates("Votes by outcome", rate("vote_outcomes", "outcome")),
        latency("Answers to votes", "vote_http_seconds", '{route=~".*vote_submit"}', objective=objectives.WRITE_S),
        latency("Received → acked", "vote_stage_seconds", acked, objective=objectives.ACK_S),
        graph("Votes waiting", NUMBER, Query("sum by (instance) (vote_queue_votes)", "{{instance}}")),
        latency("Wait in the queue", "vote_queue_wait_seconds", objective=objectives.ACK_S),
        graph("Votes in a batch", NUMBER, *quantiles("vote_batch_votes")),
        latency("cast_votes with its COMMIT", "vote_batch_seconds", objective=objectives.ACK_S),
        rates("Batches sent again, by reason", rate("vote_batch_retries", "reason")),
        rates("Commits of unknown outcome", rate("vote_unknown_outcomes")),
        rates("Refused, by reason", rate("vote_refusals", "reason")),
        rates("Told to come later, by limit", rate("vote_limited", "limit")),
        rates("Fraud rules", rules, about="Votes that met a rule, and what was done."),
        rates("Captchas", rate("vote_captchas", "outcome")),
        rates("Acked, by assurance", rate("vote_accepted", "assurance")),
        graph("Since changes of events were heard", SECONDS, heard, objective=15),
        rates("Evidence", rate("vote_evidence_stored"), rate("vote_evidence_dropped", "reason")),
    ]
    about = "Takes votes: the queue, the batches, what is refused."
    return dashboard("command", "Live vote: command", about, [*panels, *_answers("command"), *_costs("command")])


def identity() -> Dashboard:
    """Logins."""
    age = Query("time() - vote_revocations_heard_unix_seconds", "{{job}}")
    refused = rate("vote_login_attempts_refused", "limit"), rate("vote_login_attempts_unlimited")
    panels = [
        rates("Logins by outcome", rate("vote_logins", "outcome")),
        graph("Passwords waiting or hashed", NUMBER, Query("sum(vote_login_queue)", "inside"), objective=64),
        latency("A password, waiting included", "vote_password_seconds", objective=1),
        rates("Refused by a limit", *refused),
        rates("Tokens refreshed", rate("vote_token_refreshes", "outcome")),
        rates("Keys of issuers fetched", rate("vote_issuer_key_fetches", "outcome")),
        rates("Mails", rate("vote_mails", "outcome")),
        graph("Mails waiting", NUMBER, Query("sum(vote_mails_waiting)", "waiting")),
        graph("Revoked sessions", NUMBER, Query("max(vote_revoked_sessions)", "sessions")),
        graph("Since the revoked sessions were read", SECONDS, age, objective=15),
    ]
    about = "Lets people in: the queue of passwords, what is refused, mails, issuers, revoked sessions."
    return dashboard("identity", "Live vote: identity", about, [*panels, *_answers("identity"), *_costs("identity")])


def fanout() -> Dashboard:
    """Votes counted."""
    tallied = '{stage="committed_to_tallied"}'
    behind = Query("max by (instance) (vote_fanout_lag_seconds)", "{{instance}}")
    kept = Query("vote_fanout_slot_retained_bytes", "{{instance}}")
    left = Query("vote_fanout_slot_safe_bytes >= 0", "{{instance}}")
    age = Query("time() - max by (instance) (vote_fanout_checkpoint_unix_seconds > 0)", "{{instance}}")
    panels = [
        rates("Votes and commits counted", rate("vote_fanout_rows"), rate("vote_fanout_commits")),
        latency("Committed → tallied", "vote_stage_seconds", tallied, objective=objectives.TALLY_S),
        graph("Behind", SECONDS, behind, objective=1),
        graph("WAL beyond the last checkpoint", BYTES, Query("vote_fanout_lag_bytes", "{{instance}}")),
        graph("WAL that the slot keeps", BYTES, kept),
        graph("WAL until the slot is lost", BYTES, left, about="Nothing where max_slot_wal_keep_size sets no limit."),
        rates("Writes to Redis", rate("vote_fanout_flushes"), rate("vote_fanout_redis_failures")),
        latency("A write to Redis", "vote_fanout_flush_seconds"),
        latency("A checkpoint", "vote_fanout_checkpoint_seconds"),
        graph("Age of the last checkpoint", SECONDS, age, objective=30),
        rates("Recounts and repairs", rate("vote_fanout_rebuilds", "reason"), rate("vote_fanout_repairs")),
        states(
            "Who counts",
            Query('vote_ready{job="fanout"}', "{{instance}}"),
            about="One of several: others wait for the slot.",
        ),
    ]
    about = "Counts the WAL: how far behind it is, what it writes, and what the slot keeps meanwhile."
    return dashboard("fanout", "Live vote: fanout", about, [*panels, *_costs("fanout")])


def query() -> Dashboard:
    """Answers that are read once."""
    painted = '{stage="committed_to_painted"}'
    panels = [
        latency("Leaderboards", "vote_http_seconds", '{route=~".*leaderboard"}', objective=objectives.READ_S),
        latency("A vote's status", "vote_http_seconds", '{route=~".*vote_status"}'),
        latency("All answers", "vote_http_seconds", '{job="query"}', objective=objectives.READ_S),
        latency("Committed → painted", "vote_stage_seconds", painted, objective=objectives.SCREEN_P99_S),
    ]
    about = "Answers leaderboards, results, votes and pages."
    return dashboard("query", "Live vote: query", about, [*panels, *_answers("query"), *_costs("query")])


def sse() -> Dashboard:
    """Streams."""
    slow = rate("vote_stream_skipped_snapshots"), rate("vote_stream_cut_clients")
    tallied, committed = '{stage="tallied_to_delivered"}', '{stage="committed_to_delivered"}'
    panels = [
        graph("Viewers", NUMBER, Query("sum by (instance) (vote_stream_subscribers)", "{{instance}}")),
        rates("Frames sent", rate("vote_stream_deliveries")),
        rates("Frames skipped, clients cut", *slow),
        latency("Tallied → delivered", "vote_stage_seconds", tallied, objective=objectives.TALLY_S),
        latency("Committed → delivered", "vote_stage_seconds", committed, objective=objectives.SCREEN_P95_S),
    ]
    about = "Streams to viewers: how many, how fresh, who is too slow."
    return dashboard("sse", "Live vote: sse", about, [*panels, *_answers("sse"), *_costs("sse")])


def _answers(job: str) -> list[AnyPanel]:
    chosen = f'{{job="{job}"}}'
    p99 = f"histogram_quantile(0.99, sum by (le, route) (rate(vote_http_seconds_bucket{chosen}[$__rate_interval])))"
    return [
        rates("Answers by route", rate("vote_http_answers", "route", chosen)),
        rates("Answers by status", rate("vote_http_answers", "status", chosen)),
        graph("p99, the ten slowest routes", SECONDS, Query(f"topk(10, {p99})", "{{route}}")),
        graph("Requests inside", NUMBER, Query(f"sum by (instance) (vote_http_inside{chosen})", "{{instance}}")),
    ]


def _costs(job: str) -> list[AnyPanel]:
    """The last row of each: what the process needs and says, and whether it is ready."""
    chosen = f'{{job="{job}"}}'
    cpu = Query(f"rate(process_cpu_seconds_total{chosen}[$__rate_interval])", "{{instance}}")
    memory = Query(f"process_resident_memory_bytes{chosen}", "{{instance}}")
    logged = rate("vote_log_lines", "level", chosen), rate("vote_log_lines_lost", "", chosen)
    ready = Query(f"vote_ready{chosen}", "{{instance}} ready"), Query(f"up{chosen}", "{{instance}} answers")
    return [
        graph("CPU", SHARE, cpu, width=QUARTER, objective=0.85, about="Of one core."),
        graph("Memory", BYTES, memory, width=QUARTER),
        rates("Log lines", *logged, width=QUARTER),
        states("Ready", *ready, width=QUARTER),
    ]
