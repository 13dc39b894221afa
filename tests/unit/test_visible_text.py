"""Texts that nobody can see are told from those that somebody can."""

import pytest

from contract.visible_text import is_visible


@pytest.mark.parametrize("text", ["a", "Ö", "李", "و", "🎤", "\u200d🎤", "1", "?", "\u202eabc"])
def test_something_to_see(text: str) -> None:
    """Letters of every script, digits, signs and emoji, whatever surrounds them."""
    assert is_visible(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\t\n", "\u00a0", "\u200b\u200c\u200d", "\u202e\u2066", "\ufeff", "\u3164", "\u2800", "\u0301"]
)
def test_nothing_to_see(text: str) -> None:
    """Spaces, controls, zero-width and direction marks, fillers, and an accent without a letter."""
    assert not is_visible(text)
