"""Pages for people: the live page and the documentation."""
