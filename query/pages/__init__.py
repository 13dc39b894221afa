"""Pages for people: the home page, the live page and the documentation."""
