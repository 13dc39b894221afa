"""Closes secrets that Postgres keeps and must not know: under keys by number, bound to the person whose they are.

    2           12      rest
 | key_no | nonce | secret, encrypted |

The newest key closes, all open. AES-GCM, since so few are closed that drawn nonces never meet.
"""

import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contract.errors import Busy

_KEY_NO_BYTES = 2
_SEALED_AT = _KEY_NO_BYTES + 12


class SecretBox:
    """Keys of 32 bytes by number."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {number.to_bytes(_KEY_NO_BYTES, "big"): AESGCM(key) for number, key in keys.items()}
        self._newest = max(self._ciphers)

    def close(self, secret: bytes, owner: UUID) -> bytes:
        """The secret, encrypted for this person."""
        nonce = os.urandom(_SEALED_AT - _KEY_NO_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, secret, owner.bytes)

    def open(self, box: bytes, owner: UUID) -> bytes:
        """The secret of this person; `Busy` until its key is here."""
        try:
            cipher = self._ciphers[box[:_KEY_NO_BYTES]]
            return cipher.decrypt(box[_KEY_NO_BYTES:_SEALED_AT], box[_SEALED_AT:], owner.bytes)
        except (KeyError, InvalidTag, ValueError) as error:
            raise Busy("this server doesn't have the key of this second factor") from error
