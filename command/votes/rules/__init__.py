"""Fraud rules: a vote's evidence and counts around it ─► rules of a file ─► observe, challenge or refuse."""
