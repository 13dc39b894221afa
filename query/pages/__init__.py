"""Pages for people: the home page, the live page, the vote page and the documentation."""
