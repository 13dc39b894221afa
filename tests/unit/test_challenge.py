"""Challenges: what is solved is taken for its aim, and whatever else a client may send is not."""

import base64
import copy
import json
import time
from typing import Any

import altcha
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.challenge import PAYLOAD_CHARS_MAX, Aim, Challenger
from contract.errors import ChallengeInvalid
from ops.rig.challenges import solve

REGISTER = Aim("register")
VOTE = Aim("vote", "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
CHALLENGER = Challenger({1: b"k" * 32})
COUNTER = 5


def made(aim: Aim = REGISTER, challenger: Challenger = CHALLENGER, lifetime_s: int = 600) -> dict[str, Any]:
    challenge = challenger.make(aim, 10, COUNTER, int(time.time()) + lifetime_s)
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(challenge))
    return content


def packed(content: Any) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def unpacked(payload: str) -> Any:
    return json.loads(base64.b64decode(payload))


@pytest.mark.parametrize("aim", [REGISTER, Aim("login"), VOTE])
def test_a_solution_is_taken_for_its_aim(aim: Aim) -> None:
    """It names its challenge, and it does so again."""
    challenge = made(aim)
    solved = CHALLENGER.check(solve(challenge), aim)
    assert solved == CHALLENGER.check(solve(challenge), aim)
    assert solved.challenge_id.hex() == challenge["parameters"]["nonce"]
    assert solved.expires_at == challenge["parameters"]["expiresAt"]


def test_a_challenge_has_one_id_however_it_is_written() -> None:
    """Another counter, time, white space or order of members makes no second solution."""
    payload = solve(made())
    content = unpacked(payload)
    first = CHALLENGER.check(payload, REGISTER)
    content["solution"] |= {"counter": 77, "time": 1, "more": [1]}
    content["challenge"] = dict(reversed(content["challenge"].items()))
    other = base64.b64encode(json.dumps(content, indent=2).encode()).decode()
    assert other != payload
    assert CHALLENGER.check(other, REGISTER) == first


@pytest.mark.parametrize(
    ("of", "asked"),
    [
        (REGISTER, Aim("login")),
        (Aim("login"), REGISTER),
        (VOTE, REGISTER),
        (VOTE, msgspec.structs.replace(VOTE, event_id=VOTE.user_id)),
        (VOTE, msgspec.structs.replace(VOTE, user_id=VOTE.event_id)),
    ],
)
def test_another_aim(of: Aim, asked: Aim) -> None:
    """A solution is of no use for another purpose, event or voter."""
    with pytest.raises(ChallengeInvalid, match="something else"):
        CHALLENGER.check(solve(made(of)), asked)


def test_expired() -> None:
    """A challenge ends."""
    with pytest.raises(ChallengeInvalid, match="expired"):
        CHALLENGER.check(solve(made(lifetime_s=-1)), REGISTER)


def test_only_the_counter_that_was_drawn_solves() -> None:
    """Counter 0 and its neighbours, with the keys that they derive, are no solution."""
    challenge = altcha.Challenge.from_dict(made())
    salt, nonce = bytes.fromhex(challenge.parameters.salt), bytes.fromhex(challenge.parameters.nonce)
    for counter in (0, COUNTER - 1, COUNTER + 1):
        key = altcha.derive_key_pbkdf2(challenge.parameters, salt, nonce + counter.to_bytes(4, "big")).hex()
        payload = altcha.Payload(challenge, altcha.Solution(counter, key)).to_base64()
        with pytest.raises(ChallengeInvalid):
            CHALLENGER.check(payload, REGISTER)


@pytest.mark.parametrize("signed", [True, False])
def test_without_the_keys_signature(*, signed: bool) -> None:
    """A challenge that doesn't sign its key is refused, be it taken away by a client or missing from the start."""
    if signed:
        challenge = altcha.create_challenge(
            "PBKDF2/SHA-256",
            10,
            counter=0,
            expires_at=int(time.time()) + 600,
            data={"purpose": "register", "key": 1},
            hmac_secret=CHALLENGER._secrets[1].of_challenge,
        ).to_dict()
    else:
        challenge = made()
        del challenge["parameters"]["keySignature"]
    with pytest.raises(ChallengeInvalid):
        CHALLENGER.check(solve(challenge), REGISTER)


CHANGES: dict[str, Any] = {
    "algorithm": "SHA-256",
    "cost": 1,
    "keyLength": 16,
    "keyPrefix": "0" * 32,
    "keySignature": "0" * 64,
    "nonce": "0" * 32,
    "salt": "0" * 32,
    "expiresAt": 2**40,
    "data": {"purpose": "login", "key": 1},
}


@pytest.mark.parametrize("name", [*CHANGES, "signature"])
def test_whatever_is_changed(name: str) -> None:
    """Easier, longer, for something else: all of it is signed; and nothing may be left out, null or of another type."""
    challenge = made()
    values: tuple[Any, ...] = (CHANGES.get(name, "0" * 64), None, [], {}, "", True, -1, "é")
    for value in values:
        changed = copy.deepcopy(challenge)
        target = changed if name == "signature" else changed["parameters"]
        if target[name] == value:
            continue
        target[name] = value
        content = {"challenge": changed, "solution": unpacked(solve(challenge))["solution"]}
        with pytest.raises(ChallengeInvalid):
            CHALLENGER.check(packed(content), Aim("login") if name == "data" else REGISTER)


def test_keys_rotate() -> None:
    """The newest key makes, all check; a key that is gone or somebody else's is of no use."""
    old, both = Challenger({1: b"k" * 32}), Challenger({1: b"k" * 32, 2: b"n" * 32})
    assert both.check(solve(made(challenger=old)), REGISTER)
    newer = solve(made(challenger=both))
    assert both.check(newer, REGISTER)
    for other in (old, Challenger({2: b"x" * 32})):
        with pytest.raises(ChallengeInvalid):
            other.check(newer, REGISTER)


@given(st.text() | st.binary().map(lambda content: base64.b64encode(content).decode()))
def test_nonsense(payload: str) -> None:
    """Whatever is sent is refused, and nothing else is raised."""
    with pytest.raises(ChallengeInvalid):
        CHALLENGER.check(payload, REGISTER)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 1000,
        '{"challenge": ' * 600,
        '{"challenge": {"parameters": {"expiresAt": 1e999}}}',
        "x" * PAYLOAD_CHARS_MAX,
    ],
)
def test_deep_and_large_nonsense(content: str) -> None:
    """Depth and size are bounded."""
    with pytest.raises(ChallengeInvalid):
        CHALLENGER.check(base64.b64encode(content.encode()).decode(), REGISTER)
