"""What stands on a result sheet."""

import hashlib

from query.reads.sheet_content import digest_of


def test_the_digest_is_what_the_sheet_says_of_it() -> None:
    """Anybody can make it anew from the numbers: the event, then by id each contestant with its votes."""
    lines = b"event\na 5\nb 70\n"
    assert digest_of("event", [("b", 70), ("a", 5)]) == hashlib.sha256(lines).hexdigest()
    assert digest_of("event", [("a", 5), ("b", 71)]) != hashlib.sha256(lines).hexdigest()
