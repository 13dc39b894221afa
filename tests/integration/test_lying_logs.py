"""An event that was changed past its doors, or a log that was, is named by question 37, as role vote_auditor."""

import re

import psycopg

from ops.auditor.questions import questions
from ops.rig.database import Database
from ops.rig.event import Event, find_event, make_event
from ops.rig.running_stack import PROJECT

LATE = {"opens_at": "2030-01-01T00:00:00Z", "closes_at": "2031-01-01T00:00:00+05:00"}
_ACTS = re.compile(r"'(event\.[a-z.]+)', '\{")
_TABLE = re.compile(r"^\| ([^|]+) \| ([^|]+) \|", re.MULTILINE)

# What is done by SQL to a closed, frozen event that was paused and extended once; and what the lines are about.
LIES: dict[str, tuple[str, set[str]]] = {
    "status altered": ("UPDATE events SET status = 'open' WHERE event_no = {no}", {"status"}),
    "the time of its status altered": ("UPDATE events SET status_at = now() WHERE event_no = {no}", {"status_at"}),
    "opening hours altered": (
        """UPDATE events SET opens_at = '-infinity', opened_at = opened_at - interval '1 s', closes_at = '2040-01-01'
           WHERE event_no = {no}""",
        {"opens_at", "opened_at", "closes_at"},
    ),
    "declared void": (
        """UPDATE events SET status = 'cancelled', void_reason = 'A line was dead', closed_at = now()
           WHERE event_no = {no}""",
        {"status", "void_reason", "closed_at"},
    ),
    "a freeze taken away": (
        "UPDATE events SET frozen = false, display_at = NULL WHERE event_no = {no}", {"frozen", "display_at"}
    ),
    "places revealed": ("UPDATE events SET revealed = 1 WHERE event_no = {no}", {"revealed"}),
    "who sees results, who may vote, how many could, and who made it, altered": (
        """UPDATE events SET results_visibility = 'staff', captcha = true, assurance_min = 'mail', eligible_voters = 7,
                             created_by = gen_random_uuid() WHERE event_no = {no}""",
        {"results_visibility", "captcha", "assurance_min", "eligible_voters", "created_by"},
    ),
    "a pause deleted from the log": (
        "DELETE FROM audit_log WHERE action = 'event.pause' AND {its}", {"event.resume", "change_no"}
    ),
    "a pause and its end deleted": (
        "DELETE FROM audit_log WHERE action IN ('event.pause', 'event.resume') AND {its}", {"change_no"}
    ),
    "the close deleted": (
        "DELETE FROM audit_log WHERE action = 'event.close' AND {its}", {"status", "status_at", "change_no"}
    ),
    "an edit deleted, and the count of acts made to fit": (
        """DELETE FROM audit_log WHERE action = 'event.edit' AND {its};
           UPDATE events SET change_no = change_no - 1 WHERE event_no = {no}""",
        {"closes_at"},
    ),
    "the making deleted": (
        "DELETE FROM audit_log WHERE action = 'event.create' AND {its}",
        {
            "event.open", "event.edit", "event.freeze", "assurance_min", "captcha", "change_no", "created_by",
            "event_name", "opens_at", "rehearsal", "results_visibility", "two_person",
        },
    ),
    "an act made up": (
        "INSERT INTO audit_log (action, event_id) SELECT 'event.pause', event_id FROM events WHERE event_no = {no}",
        {"event.pause", "status", "status_at", "change_no"},
    ),
    "an act that nobody can do": (
        "INSERT INTO audit_log (action, event_id) SELECT 'event.audit', event_id FROM events WHERE event_no = {no}",
        {"event.audit", "change_no"},
    ),
    "the time of the opening altered": (
        "UPDATE audit_log SET at = at - interval '1 hour' WHERE action = 'event.open' AND {its}",
        {"event.open", "opened_at"},
    ),
    "the time of the close altered": (
        "UPDATE audit_log SET at = at + interval '1 hour' WHERE action = 'event.close' AND {its}", {"status_at"}
    ),
    "what an edit changed altered": (
        "UPDATE audit_log SET before = '{\"closes_at\": null}' WHERE action = 'event.edit' AND {its}", {"event.edit"}
    ),
}  # fmt: skip


def said(connection: psycopg.Connection, event: Event) -> set[str]:
    """What the lines of the answer are about."""
    return {row["what"] for row in questions()[37].ask(connection, event_no=event.event_no)}


def do(owner: psycopg.Connection, call: str, *values: object) -> None:
    """Call a function of the ledger; `{by}` stands for a host."""
    whole = f"SELECT {call}".replace("{by}", "ROW(gen_random_uuid(), 'host', 'trace')::actor")
    owner.execute(whole.encode(), values)


def act(owner: psycopg.Connection, event: Event, *actions: str) -> None:
    """Let a host do these, one after the other."""
    for action in actions:
        do(owner, "change_status(%s, %s, {by}, NULL, NULL)", event.event_id, action)


def test_no_life_of_an_event_is_a_finding(database: Database, owner: psycopg.Connection) -> None:
    """Each act that the question knows, each status, by people and by schedules: and no other act is known."""
    fields = {"theme": {"logo_url": None}, "results_visibility": None, "eligible_voters": 9}
    show = make_event(owner, "draft", 2, **fields, **LATE)
    rehearsal = make_event(owner, "open", rehearsal=True, two_person=True)
    past = make_event(
        owner, "draft", opens_at="2020-01-01T00:00:00Z", closes_at="2020-01-02T00:00:00Z", two_person=True
    )

    def sound(*events: Event) -> None:
        with psycopg.connect(database.url("vote_auditor")) as auditor:
            assert [said(auditor, event) for event in events] == [set()] * len(events)

    sound(show, rehearsal, past)
    for edit in ('{"opens_at": null}', '{"opens_at": "2030-02-01T00:00:00Z", "theme": {"font": "Sans"}}'):
        do(owner, "edit_event(%s, %s, {by})", show.event_id, edit)
        sound(show)
    added = '{"contestant_name": "Z", "contestant_description": "", "contestant_image_url": ""}'
    do(owner, "add_contestant(%s, %s, 'z', {by})", show.event_id, added)
    do(owner, "edit_contestant(%s, %s, '{\"order_no\": 2}', NULL, {by})", show.event_id, show.contestants[0])
    do(owner, "remove_contestant(%s, %s, {by})", show.event_id, show.contestants[1])
    act(owner, show, "open", "pause", "resume")
    sound(show)
    do(owner, "edit_event(%s, %s, {by})", show.event_id, '{"closes_at": null, "results_visibility": "staff"}')
    for frozen in (True, False, True):
        do(owner, "set_frozen(%s, %s, {by})", show.event_id, frozen)
    act(owner, show, "close")
    for places in (1, None):
        do(owner, "reveal_results(%s, %s, {by})", show.event_id, places)
        sound(show)
    do(owner, "void_event(%s, 'A line was dead', {by})", show.event_id)
    act(owner, rehearsal, "cancel")
    do(owner, "confirm_change(%s, 'cancel', {by})", rehearsal.event_id)
    do(owner, "reset_event(%s, 16386, {by})", rehearsal.event_id)
    [(made_anew,)] = owner.execute("SELECT replaced_by::text FROM events WHERE replaced_by IS NOT NULL").fetchall()
    for becomes in ("open", "closed"):
        do(owner, "carry_out(%s, %s, NULL, NULL)", past.event_id, becomes)
    do(owner, "void_event(%s, 'A line was dead', {by})", past.event_id)
    owner.execute("INSERT INTO audit_log (action, event_id) VALUES ('event.rehashed', %s)", [show.event_id])
    sound(show, rehearsal, past, find_event(owner, made_anew))
    done = {action for (action,) in owner.execute("SELECT DISTINCT action FROM audit_log").fetchall()}
    assert done == {*_ACTS.findall(questions()[37].statement), "event.rehashed"}


def test_each_lie_is_named(owner: psycopg.Connection) -> None:
    """Whatever is changed in an event or in its log alone; and the auditor's table says the same."""
    event = make_event(owner, "open", 2, **LATE)
    act(owner, event, "pause", "resume")
    do(owner, "edit_event(%s, %s, {by})", event.event_id, '{"closes_at": "2031-02-01T00:00:00Z"}')
    do(owner, "set_frozen(%s, true, {by})", event.event_id)
    act(owner, event, "close")
    assert said(owner, event) == set()
    its = f"event_id = '{event.event_id}'"
    named = {}
    for lie, (statement, _) in LIES.items():
        with owner.transaction(force_rollback=True):
            owner.execute(statement.replace("{its}", its).replace("{no}", str(event.event_no)).encode())
            named[lie] = said(owner, event)
    assert named == {lie: told for lie, (_, told) in LIES.items()}
    table = dict(_TABLE.findall((PROJECT / "sql" / "audit" / "README.md").read_text()))
    assert {lie: set(table[lie].split(", ")) for lie in LIES} == named
