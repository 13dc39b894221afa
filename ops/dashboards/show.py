"""The show on one screen: is everybody's vote taken, fast, and on the screen? What is wrong, and where?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from ops.dashboards import objectives
from ops.dashboards.panels import (
    A_SECOND,
    NUMBER,
    QUARTER,
    SECONDS,
    SHARE,
    AnyPanel,
    Query,
    dashboard,
    graph,
    latency,
    number,
    quantiles,
    rate,
    rates,
    states,
)

ALL, FAILED = "vote_http_answers_total", 'vote_http_answers_total{status=~"5.."}'
LAST_SEEN = "time() - max(vote_synthetic_last_seen_unix_seconds)"


def show() -> Dashboard:
    """The dashboard that a control room has on its wall."""
    about = "A vote's way from its answer to the screens, against what is promised (dashed lines)."
    return dashboard("show", "Live vote: the show", about, [*_figures(), *_votes(), *_stages(), *_parts()])


def _figures() -> list[AnyPanel]:
    failed = f"(sum(rate({FAILED}[$__rate_interval])) or vector(0))"
    answered = f"1 - {failed} / clamp_min(sum(rate({ALL}[$__rate_interval])), 0.001)"
    ack = quantiles("vote_stage_seconds", _stage("received_to_acked"))[1]
    screen = quantiles("vote_stage_seconds", _stage("committed_to_delivered"))[1]
    firing = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    return [
        number("Votes acked", A_SECOND, rate("vote_accepted")),
        number("Answered", SHARE, Query(answered, "answered"), good_from=objectives.ANSWERED),
        number("Ack, p95", SECONDS, ack, bad_from=objectives.ACK_S),
        number("On screens, p95", SECONDS, screen, bad_from=objectives.SCREEN_P95_S),
        number("Viewers", NUMBER, Query("sum(vote_stream_subscribers)", "viewers")),
        number("Counting is behind", SECONDS, Query("max(vote_fanout_lag_seconds)", "behind"), bad_from=1),
        number("Alerts", NUMBER, Query(firing, "firing"), bad_from=1),
        number("Last synthetic vote seen", SECONDS, Query(LAST_SEEN, "ago"), bad_from=30),
    ]


def _votes() -> list[AnyPanel]:
    received = _stage("received_to_acked")
    failed = rate("vote_http_answers", "route", '{status=~"5.."}')
    return [
        rates("Votes by outcome", rate("vote_outcomes", "outcome"), width=QUARTER),
        latency("Received → acked", "vote_stage_seconds", received, objective=objectives.ACK_S, width=QUARTER),
        rates("Votes refused, by reason", rate("vote_refusals", "reason"), width=QUARTER),
        rates("5xx, by route", failed, width=QUARTER),
    ]


def _stages() -> list[AnyPanel]:
    """From the commit on, each until the last viewer or page has it."""
    until = {
        "tallied": ("committed_to_tallied", objectives.TALLY_S, ""),
        "delivered": ("committed_to_delivered", objectives.SCREEN_P95_S, "Promised: p95 in 500 ms, p99 in 1 s."),
        "painted": ("committed_to_painted", objectives.SCREEN_P99_S, "By the word of sampled pages."),
    }
    streamed = _stage("sent_to_streamed")
    panels = [
        latency(f"Committed → {end}", "vote_stage_seconds", _stage(name), objective=border, width=QUARTER, about=about)
        for end, (name, border, about) in until.items()
    ]
    title, histogram = "Synthetic votes: sent → streamed", "vote_synthetic_stage_seconds"
    return [*panels, latency(title, histogram, streamed, objective=objectives.SCREEN_P95_S, width=QUARTER)]


def _parts() -> list[AnyPanel]:
    viewers = Query("sum(vote_stream_subscribers)", "viewers")
    behind = Query("max by (instance) (vote_fanout_lag_seconds)", "{{instance}}")
    up = Query("vote_pg_up", "Postgres"), Query("vote_redis_up", "Redis")
    return [
        graph("Viewers, and frames a second", NUMBER, viewers, rate("vote_stream_deliveries"), width=QUARTER),
        graph("Counting is behind", SECONDS, behind, width=QUARTER, objective=1),
        states("Who is ready", Query("max by (job) (vote_ready)", "{{job}}"), *up, width=QUARTER),
        rates("Synthetic votes", rate("vote_synthetic_votes", "outcome"), width=QUARTER),
    ]


def _stage(stage: str) -> str:
    return f'{{stage="{stage}"}}'
