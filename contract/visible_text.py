"""Texts that people give to things: whether anybody can see them. Pure."""

import unicodedata

NO_NUL = r"^[^\x00]*$"  # a pattern: Postgres' text can't hold it
# Spaces, controls, what only steers its neighbours (zero-width and direction marks), what nobody has assigned, and
# marks, which need a letter to sit on.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Mc"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # fillers: blank, though letters by category


def is_visible(text: str) -> bool:
    """Whether at least one character leaves a mark on a screen."""
    return any(unicodedata.category(each) not in _INVISIBLE and each not in _BLANK_LETTERS for each in text)
