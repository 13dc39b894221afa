"""Codes that are good once: six digits of an app that shares a secret (TOTP, RFC 6238), and recovery codes. Pure.

A recovery code has 80 random bits, so a plain hash of it tells nobody what it was.
"""

import base64
import hashlib
import secrets

import pyotp

STEP_S = 30
CODE_CHARS_MAX = 40
RECOVERY_CODES = 10
_DRIFT = (0, -1, 1)  # steps: phones' clocks are off, and fingers are slow
_RECOVERY_BYTES = 10


def new_totp_secret() -> str:
    """160 bits in base 32, as apps take it."""
    return pyotp.random_base32()


def totp_address(secret: str, username: str, issuer: str) -> str:
    """What a QR code for an app says: otpauth://…"""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step that a code belongs to, near this moment (Unix seconds); None: it is no code of now."""
    totp, step = pyotp.TOTP(secret, interval=STEP_S), int(now) // STEP_S
    for each in (step + drift for drift in _DRIFT):
        if pyotp.utils.strings_equal(totp.generate_otp(each), code):
            return each
    return None


def without_spaces(text: str) -> str:
    """A code as it was meant: apps and people group its characters."""
    return "".join(text.split()).replace("-", "").lower()


def new_recovery_codes(count: int = RECOVERY_CODES) -> list[str]:
    """So many of them, in groups of four characters."""
    drawn = (base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(count))
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in drawn]


def recovery_hash(code: str) -> bytes:
    """What is stored of a recovery code: 32 bytes."""
    return hashlib.sha256(without_spaces(code).encode()).digest()
