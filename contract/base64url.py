"""base64url without padding (RFC 7515, appendix C), in which each byte string has one spelling and no other.

Python's own decoders skip foreign characters, take both alphabets and padding, and ignore the last character's unused
bits; so a text that passes them can be written in many ways.
"""

import binascii

_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")


def encode(content: bytes) -> bytes:
    """The one spelling of these bytes."""
    return binascii.b2a_base64(content, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: bytes) -> bytes:
    """The bytes behind their one spelling; raises ValueError for any other text."""
    standard = text.translate(_FROM_URL)
    content = binascii.a2b_base64(standard + b"==")
    if binascii.b2a_base64(content, newline=False).rstrip(b"=") != standard:
        raise ValueError("not base64url, or not its one spelling")
    return content
