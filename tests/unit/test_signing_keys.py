"""The folder of signing keys: what a key is good for follows from its name and the clock."""

import stat
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from command.identity import signing_keys
from command.identity.key_handler import KEYS_KEPT_S
from command.identity.signing_key import PrivateKey, SigningKey
from command.identity.signing_keys import (
    LOOK_S,
    NEXT_KEY_LEAD_S,
    NextKeyWaitsError,
    SigningKeys,
    delete_ended_keys,
    key_path,
    load_signing_keys,
    make_next_key,
)
from contract.settings import SettingError
from contract.web.token_verifier import FETCH_TIMEOUT_S, REFRESH_S, RETRY_S

DAY_S = 86_400


def a_key() -> SigningKey:
    return SigningKey(ec.generate_private_key(ec.SECP256R1()))


def pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock: `at.now` may be moved."""
    clock = SimpleNamespace(now=float(int(time.time())))
    monkeypatch.setattr(signing_keys, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def test_a_key_signs_from_its_moment_and_stays_public_for_the_overlap(at: SimpleNamespace) -> None:
    """Before, the last one signs and both are published; the last goes when the tokens that it signed have ended."""
    first, second = a_key(), a_key()
    keys = SigningKeys({1000: first, 2000: second}, overlap_s=60)
    seen = []
    for at.now in (0, 1000, 1999.9, 2000, 2059.9, 2060):
        seen.append((keys.signing(), keys.published()))
    both = (first, second)
    assert seen == [(first, both)] * 3 + [(second, both)] * 2 + [(second, (second,))]
    assert keys.all == both


def test_the_next_key_waits_until_everybody_has_it(tmp_path: Path, at: SimpleNamespace) -> None:
    """The first key signs at once, the next one later; while it waits no other is made, afterwards again."""
    make_next_key(tmp_path / "keys")
    at.now += 10
    second = make_next_key(tmp_path / "keys")
    assert second == key_path(tmp_path / "keys", int(at.now) + NEXT_KEY_LEAD_S)
    at.now += NEXT_KEY_LEAD_S - 1
    with pytest.raises(NextKeyWaitsError):
        make_next_key(tmp_path / "keys")
    at.now += 1
    make_next_key(tmp_path / "keys")
    assert len(load_signing_keys(tmp_path / "keys")) == 3


def test_the_lead_is_longer_than_keys_take_to_everybody() -> None:
    """Seen in the folder, kept by a cache, fetched at the second try, and still minutes are left."""
    assert NEXT_KEY_LEAD_S - 120 > LOOK_S + KEYS_KEPT_S + REFRESH_S + 2 * (FETCH_TIMEOUT_S + RETRY_S)


def test_a_key_file_is_for_its_owner_and_never_overwritten(tmp_path: Path, at: SimpleNamespace) -> None:
    """Two that make the same key's file: the second is refused; nothing else is left in the folder."""
    path = make_next_key(tmp_path)
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_next_key(tmp_path, lead_s=0)
    assert path.read_bytes() == content
    assert [*tmp_path.iterdir()] == [path]
    assert at.now


def test_a_key_is_deleted_once_its_last_token_has_ended(tmp_path: Path, at: SimpleNamespace) -> None:
    """Applications' tokens live long: so long after the next one began to sign, and not a moment earlier."""
    paths = [key_path(tmp_path, int(at.now) + start) for start in (-800 * DAY_S, -400 * DAY_S, -DAY_S, 0)]
    for path in paths:
        path.write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    assert delete_ended_keys(tmp_path, 400 * DAY_S) == []
    at.now += 1
    assert delete_ended_keys(tmp_path, 400 * DAY_S) == paths[:1]
    assert sorted(tmp_path.iterdir()) == paths[1:]


def test_the_same_folder_gives_the_same_keys(tmp_path: Path) -> None:
    """Read twice, as by two processes, they have the same ids; known ones aren't read again."""
    make_next_key(tmp_path)
    once, again = load_signing_keys(tmp_path), load_signing_keys(tmp_path)
    assert [(start, key.jwk) for start, key in once.items()] == [(start, key.jwk) for start, key in again.items()]
    assert load_signing_keys(tmp_path, once) == once


def test_folders_without_usable_keys(tmp_path: Path) -> None:
    """None at all, a curve of no use, no key, a name that says no moment: one line that names the setting."""
    contents = {
        "20260101T000000Z.pem": pem_of(ec.generate_private_key(ec.SECP384R1())),
        "20260102T000000Z.pem": b"no key",
        "key.pem": pem_of(ec.generate_private_key(ec.SECP256R1())),
    }
    with pytest.raises(SettingError, match="SIGNING_KEY_FOLDER"):
        load_signing_keys(tmp_path)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SettingError, match="SIGNING_KEY_FOLDER"):
            load_signing_keys(tmp_path)
        (tmp_path / name).unlink()


def test_no_token_outlives_its_key() -> None:
    """A person's token may live as long as the overlap and no longer."""
    keys = SigningKeys({0: a_key()}, overlap_s=900)
    keys.check_lifetime(900, "x")
    with pytest.raises(SettingError, match=r"^x is longer"):
        keys.check_lifetime(901, "x")
