"""Second factors without a server: who is asked for one, what a code is, and what becomes of secrets."""

import uuid

import pyotp
import pytest

from command.identity.factor_policy import FactorPolicy, roles_told
from command.identity.one_time_codes import new_recovery_codes, recovery_hash, step_of
from command.identity.secret_box import SecretBox
from contract.errors import Busy

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238's


@pytest.mark.parametrize(
    ("required", "roles", "shown", "has_factor", "state", "told"),
    [
        (False, ["host"], False, False, "none", ["host"]),
        (False, ["host"], False, True, "needed", ["viewer"]),
        (False, ["host"], True, True, "shown", ["host"]),
        (True, ["host", "auditor"], False, False, "missing", ["viewer"]),
        (True, ["viewer", "admin"], False, True, "needed", ["viewer"]),
        (True, ["admin"], True, False, "shown", ["admin"]),
        (True, ["viewer"], False, False, "none", ["viewer"]),
        (True, ["viewer"], False, True, "none", ["viewer"]),
    ],
)
def test_who_is_asked(
    *, required: bool, roles: list[str], shown: bool, has_factor: bool, state: str, told: list[str]
) -> None:
    """Staff, where it is required, and whoever has one; without it no role of staff is told."""
    asked = FactorPolicy(required=required).of(roles, shown=shown, has_factor=has_factor)
    assert asked.value == state
    assert roles_told(roles, asked) == told


def test_a_code_is_of_its_time() -> None:
    """RFC 6238's own example, and half a minute to each side; nothing else."""
    assert step_of(SECRET, "287082", 59) == 1
    assert [step_of(SECRET, "287082", now) for now in (30, 89, 90)] == [1, 1, None]
    assert step_of(SECRET, pyotp.TOTP(SECRET).at(10_000), 10_000) == 333
    assert [
        step_of(SECRET, code, 59) for code in ("", "28708", "2870820", "28708x", "\u0662\u0668\u0667\u0660\u0668\u0662")
    ] == [None] * 5


def test_recovery_codes_are_told_apart_whatever_their_spaces() -> None:
    """Ten different ones of 80 bits, read back as people write them."""
    codes = new_recovery_codes()
    assert len({recovery_hash(code) for code in codes}) == 10
    assert {len(code) for code in codes} == {19}
    assert recovery_hash(codes[0]) == recovery_hash(f" {codes[0].upper().replace('-', ' ')}\n")


def test_secrets_are_closed_for_their_owner() -> None:
    """A new key closes, old ones still open; another person's, a changed one and one without its key don't."""
    owner, old = uuid.uuid4(), SecretBox({1: b"a" * 32})
    both, box = SecretBox({1: b"a" * 32, 2: b"b" * 32}), old.close(b"secret", owner)
    assert b"secret" not in box
    assert both.open(box, owner) == b"secret"
    for wrong, who, content in (
        (both, uuid.uuid4(), box),
        (both, owner, box[:-1] + bytes([box[-1] ^ 1])),
        (old, owner, both.close(b"secret", owner)),
        (both, owner, b""),
    ):
        with pytest.raises(Busy):
            wrong.open(content, who)
