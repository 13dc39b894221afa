"""The seed inside a token: it opens for its own user only, under keys that rotate."""

from pathlib import Path

import pytest

from contract import base64url
from contract.errors import Busy, Unauthorized
from contract.settings import SettingError, Verification, read
from contract.tokens import Caller, SeedBox


def caller_with(seed_box: str, user_id: str = "alice") -> Caller:
    return Caller(user_id, frozenset(), "j", 0, seed_box)


def test_a_seed_box_opens_for_its_own_user_only() -> None:
    """Moving a box into another user's token does not open it."""
    box = SeedBox({1: b"k" * 32})
    closed = box.close(b"s" * 32, "alice")
    assert box.open(caller_with(closed)) == b"s" * 32
    for caller in (caller_with(closed, "bob"), caller_with("AAAA"), caller_with("é")):
        with pytest.raises(Unauthorized):
            box.open(caller)


def test_seed_keys_overlap() -> None:
    """A new key closes at once and the old one still opens; who lacks a key says busy and logs nobody out."""
    old, both, new = SeedBox({1: b"k" * 32}), SeedBox({1: b"k" * 32, 2: b"n" * 32}), SeedBox({2: b"n" * 32})
    by_old, by_new = caller_with(old.close(b"s" * 32, "alice")), caller_with(both.close(b"s" * 32, "alice"))
    assert [box.open(by_old) for box in (old, both)] == [b"s" * 32] * 2
    assert [box.open(by_new) for box in (new, both)] == [b"s" * 32] * 2
    for box, caller in ((new, by_old), (old, by_new)):
        with pytest.raises(Busy):
            box.open(caller)


def test_a_nonce_drawn_twice_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the same nonce the difference of two boxes isn't that of their seeds, as it would be in counter mode."""
    monkeypatch.setattr("contract.tokens.os.urandom", bytes)
    box, seeds = SeedBox({1: b"k" * 32}), (b"s" * 32, b"t" * 32)
    sealed = [base64url.decode(box.close(seed, "alice").encode())[14:46] for seed in seeds]
    differences = [bytes(a ^ b for a, b in zip(*pair, strict=True)) for pair in (sealed, seeds)]
    assert differences[0] != differences[1]


@pytest.mark.parametrize(
    "content", ["00" * 32, "5", "[]", "{}", '{"1": "00"}', '{"0": "K"}', '{"40000": "K"}', '{"x": "K"}', '{"1": 5}', ""]
)
def test_a_file_without_usable_keys_is_one_line(tmp_path: Path, content: str) -> None:
    """No object, no key, a number that no field can hold or a key of another length: the setting is named."""
    (tmp_path / "seeds").write_text(content.replace("K", "00" * 32))
    with pytest.raises(SettingError, match="SEED_KEY_FILE"):
        read(Verification, {"JWKS_URL": "file:///", "SEED_KEY_FILE": str(tmp_path / "seeds")})
