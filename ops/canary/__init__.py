"""Synthetic votes, each followed as a viewer would: ./ops/synthetic."""
