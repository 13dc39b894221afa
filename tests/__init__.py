"""Sorted by what they need and what breaks: unit, integration, journey, adversity, schema."""
