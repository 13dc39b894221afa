"""The signing keys: a folder of PEM files that only identity can read, each named for the moment from which it signs.

    20261125T132000Z.pem    published ──lead──► signs, until the next one does ──overlap──► no longer published

What a key is good for follows from its name and the clock alone. So several identity processes with the same folder
agree, a key signs only when everybody must have fetched it, and goes only when its last person's token has ended.
Applications' tokens are verified by identity alone and live long: for these a key counts as long as its file is there.
A key that leaked is withdrawn by deleting its file.
"""

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from command.identity.signing_key import PrivateKey, SigningKey
from contract.settings import SettingError

RSA_BITS = 2048
# The keys are fetched anew every five minutes, maybe from a cache that is as old; the rest is for slow folders.
NEXT_KEY_LEAD_S = 900
LOOK_S = 1
_NAME = "%Y%m%dT%H%M%SZ"

log = logging.getLogger(__name__)


class NextKeyWaitsError(Exception):
    """A next key was made already and doesn't sign yet."""


class SigningKeys:
    """The keys by the moment from which each signs (Unix seconds); one stays public for `overlap_s` after its time."""

    def __init__(self, by_start: Mapping[int, SigningKey], overlap_s: int) -> None:
        self._by_start = dict(sorted(by_start.items()))
        self._overlap_s = overlap_s

    @property
    def all(self) -> tuple[SigningKey, ...]:
        """Every key that signed what may still be valid, and the next one."""
        return tuple(self._by_start.values())

    def signing(self) -> SigningKey:
        """The key that signs now: the newest one whose time has come, or the first of all."""
        now = time.time()
        return self._by_start[max((start for start in self._by_start if start <= now), default=min(self._by_start))]

    def published(self) -> tuple[SigningKey, ...]:
        """The keys that may have signed a person's token that is still valid, and the next one."""
        ends = [*_followers(self._by_start), float("inf")]
        since = time.time() - self._overlap_s
        return tuple(key for key, end in zip(self._by_start.values(), ends, strict=True) if end > since)

    def check_lifetime(self, lifetime_s: float, named: str) -> None:
        """Raise `SettingError` for a person's token that could outlive its key."""
        if lifetime_s > self._overlap_s:
            raise SettingError(f"{named} is longer than SIGNING_KEY_OVERLAP_SECONDS: tokens would outlive their key")

    async def follow(self, folder: Path) -> None:
        """Look into the folder every second until cancelled; keys that can't be read change nothing."""
        trouble = ""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                found = await asyncio.to_thread(load_signing_keys, folder, self._by_start)
            except SettingError as error:
                if str(error) != trouble:
                    log.warning("can't read the signing keys", extra={"reason": str(error)})
                trouble = str(error)
                continue
            trouble = ""
            if found != self._by_start:
                self._by_start = found
                log.info("signing keys changed", extra={"kids": [key.kid for key in self.all]})


def load_signing_keys(folder: Path, known: Mapping[int, SigningKey] | None = None) -> dict[int, SigningKey]:
    """The keys of a folder by the moment from which each signs, `known` ones not read again; raises `SettingError`."""
    try:
        starts = {_start(path): path for path in folder.glob("*.pem")}
        keys = {start: (known or {}).get(start) or _load(starts[start]) for start in sorted(starts)}
    except (OSError, ValueError, TypeError) as error:
        raise SettingError(f"SIGNING_KEY_FOLDER holds what is no key that can sign: {error}") from error
    if not keys:
        raise SettingError("SIGNING_KEY_FOLDER holds no key; `./ops/admin rotate-key` makes one")
    return keys


def make_next_key(folder: Path, lead_s: int = NEXT_KEY_LEAD_S) -> Path:
    """Write a new key's file, which only its owner can read; the first of all signs at once.

    Raises `NextKeyWaitsError`, and FileExistsError rather than overwrite a key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now, newest = int(time.time()), max((_start(path) for path in folder.glob("*.pem")), default=None)
    if newest is not None and newest > now:
        raise NextKeyWaitsError(f"the next key is there and signs from {_written(newest)}")
    path = key_path(folder, now if newest is None else now + lead_s)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.NamedTemporaryFile(dir=folder) as whole:  # nobody reads half a key
        whole.write(pem)
        whole.flush()
        os.fsync(whole.fileno())
        os.link(whole.name, path)
    return path


def delete_ended_keys(folder: Path, longest_token_s: int) -> list[Path]:
    """Delete the files of keys whose last token has ended; their paths."""
    paths = sorted(folder.glob("*.pem"), key=_start)
    ended = [
        path
        for path, end in zip(paths, _followers(map(_start, paths)), strict=False)  # the newest has none
        if end + longest_token_s < time.time()
    ]
    for path in ended:
        path.unlink()
    return ended


def key_path(folder: Path, start: int) -> Path:
    """The file of the key that signs from this moment (Unix seconds)."""
    return folder / f"{_written(start)}.pem"


def _written(start: int) -> str:
    return datetime.fromtimestamp(start, UTC).strftime(_NAME)


def _start(path: Path) -> int:
    try:
        return int(datetime.strptime(path.stem, _NAME).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise SettingError(f"SIGNING_KEY_FOLDER: {path.name} doesn't say when its key signs") from error


def _followers(starts: Iterable[int]) -> list[int]:
    """When each but the newest stops signing."""
    return list(starts)[1:]


def _load(path: Path) -> SigningKey:
    private_key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    return SigningKey(cast("PrivateKey", private_key))  # other types are refused inside
