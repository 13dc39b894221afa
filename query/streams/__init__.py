"""Answers that go on: standings pushed by Server-Sent Events and WebSocket."""
