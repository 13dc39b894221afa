"""Generators of load: requests, votes and viewers. Traffic goes to this machine only."""
