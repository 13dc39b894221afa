"""What fraud rules decided is on record: for auditors, for admins, and for dry runs of changed rules."""

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from command.votes.rules.rule_set import SHIPPED, read_rules
from contract.vote_id import VoteKind
from ops.rig import python_process
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.farm import ENDLESS_FILE, SHIPPED_FILE, evidence_of, farm, judging_command, on_device, opened, person
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

HALL = "203.0.113.77"


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    """With the rules that are shipped, and a Redis that is away."""
    with judging_command(tmp_path, database, mint) as process:
        yield process


async def test_tokens_of_an_operator_are_only_observed(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A demo's audience is a farm on one device, and votes; the rules that it met are on record."""
    event = opened(owner)
    voters = [mint.voter(cohort="demo#") for _ in range(20)]
    async with aiohttp.ClientSession(command.url) as session:
        answers = [await submit(session, voter, on_device(vote_of(voter, event), "demo"), HALL) for voter in voters]
    assert {status for status, _ in answers} == {200}
    stored = evidence_of(owner, event, 20)
    assert all(vote.evidence.account_s is None and vote.kind == VoteKind.ACCEPTED for vote in stored)
    assert owner.execute("SELECT level, votes FROM vote_assurances").fetchall() == [("password", 20)]
    rules = read_rules(SHIPPED).names
    assert {"crowd-on-a-device", "farm-of-old-accounts"} <= {rules[hit].name for hit in stored[-1].hits}


async def test_an_opening_is_noticed(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """An event that was read as a draft: once it is open, accounts made before and after are told apart."""
    event, voter = make_event(owner, "draft"), person(mint, age_s=86_400)
    async with aiohttp.ClientSession(command.url) as session:
        assert (await submit(session, voter, vote_of(voter, event)))[0] == 409
        change_status(owner, event.event_id, "open")
        assert owner.execute("SELECT opened_at = status_at FROM events").fetchall() == [(True,)]
        votes = 1
        while True:
            voter, votes = person(mint, age_s=0), votes + 1
            assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
            newest = max(evidence_of(owner, event, votes), key=lambda vote: vote.evidence.at_ms)
            if newest.evidence.open_s is not None:
                break
    assert newest.counts.is_new


async def test_evidence_names_nobody(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Hashes of this event only: the same device, network and kin have others in the next one."""
    events = [opened(owner), opened(owner)]
    voter = person(mint, age_s=60, cohort="fan#")
    async with aiohttp.ClientSession(command.url) as session:
        for event in events:
            assert (await submit(session, voter, on_device(vote_of(voter, event), "phone"), HALL))[0] == 200
    one, other = (evidence_of(owner, event, 1)[0].evidence for event in events)
    for name in ("voter", "device", "network", "kin"):
        assert getattr(one, name) != getattr(other, name)
    texts = owner.execute("SELECT block::text || hits::text FROM vote_evidence").fetchall()
    assert not [word for word in (HALL, "phone", "fan#", voter.user_id) if word.encode().hex() in str(texts)]


async def test_rules_tell_what_they_did(
    command: Service, mint: TokenMint, owner: psycopg.Connection, database: Database, tmp_path: Path
) -> None:
    """To an admin by HTTP, to an auditor by a dry run, which says what a changed file would have done."""
    event, admin = opened(owner), mint.voter("admin")
    answers = await farm(command, event, mint, devices=2, accounts=20)
    refused = [status for status, _ in answers].count(403)
    evidence_of(owner, event, 40)
    async with aiohttp.ClientSession(command.url) as session:
        content = await rules_of(session, event.event_id, admin, 200)
        await rules_of(session, event.event_id, mint.voter("host"), 403)
        await rules_of(session, str(uuid.uuid4()), admin, 404)
    rules = {rule["name"]: rule for rule in content["rules"]}
    assert content["votes_judged"] == 40
    assert next(iter(rules)) == "new-account"
    farm_rule = rules["farm-of-new-accounts"]
    assert (farm_rule["version"], farm_rule["action"], farm_rule["hits"]) == (1, "refuse", refused)
    assert farm_rule["rate"] == round(refused / 40, 4)
    assert len(farm_rule["last_hits"]) == 10
    assert {hit["contestant_id"] for hit in farm_rule["last_hits"]} == {event.contestants[0]}
    assert rules["burst-for-one"]["hits"] == 0

    changed = tmp_path / "changed.toml"
    changed.write_text(ENDLESS_FILE.replace("accounts = 8", "accounts = 4"))
    lines = dry_run(database, event, changed)
    assert ["farm-of-new-accounts", "1", "refuse", str(refused), "34"] in lines
    assert ["accepted", "0", "6", "0", str(40 - refused - 6)] in lines
    assert ["refused", "0", "0", "0", str(refused)] in lines


def dry_run(database: Database, event: Event, file: Path) -> list[list[str]]:
    """The words of each line that it prints."""
    words = [sys.executable, "-m", "command.votes.rules", event.event_id, "--rules", str(file)]
    env = {"DATABASE_URL": database.url("vote_auditor")}
    ran = python_process.run(words, env)
    assert ran.returncode == 0, ran.stderr
    return [line.split() for line in ran.stdout.splitlines()]


async def rules_of(session: aiohttp.ClientSession, event_id: str, caller: Voter, status: int) -> Any:
    async with session.get(f"/v1/event/{event_id}/rules", headers=caller.headers) as response:
        assert response.status == status
        return await response.json()


async def test_rules_can_be_off(tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Then nobody is judged, and there are none to tell of."""
    event = opened(owner)
    with command_process(tmp_path, database.url("vote_command"), mint, FRAUD_RULES_FILE="off") as command:
        answers = await farm(command, event, mint, devices=1, accounts=20)
        async with aiohttp.ClientSession(command.url) as session:
            content = await rules_of(session, event.event_id, mint.voter("admin"), 200)
    assert {status for status, _ in answers} == {200}
    assert (content["votes_judged"], content["rules"]) == (0, [])


def test_a_wrong_file_is_a_wrong_setting(tmp_path: Path) -> None:
    """One line that names the rule, and exit code 2."""
    keys = {"SEED_KEY_FILE": "00" * 32, "SEAL_KEYS_FILE": "00" * 32, "RECEIPT_KEYS_FILE": "00" * 16}
    for name, key in keys.items():
        (tmp_path / name).write_text(json.dumps({"1": key}))
    file = tmp_path / "rules.toml"
    file.write_text(SHIPPED_FILE.replace('"hurry"', '"worry"', 1))
    env = {
        "DATABASE_URL": "postgresql://",
        "IDENTITY_DATABASE_URL": "postgresql://",
        "JWKS_URL": "file:///",
        "FRAUD_RULES_FILE": str(file),
    }
    env |= {name: str(tmp_path / name) for name in keys}
    ran = python_process.run([sys.executable, "-m", "command"], env)
    assert ran.returncode == 2
    assert "FRAUD_RULES_FILE" in ran.stderr
    assert "hurry" in ran.stderr
