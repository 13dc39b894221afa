"""Answers that are read once: events, results, votes."""
