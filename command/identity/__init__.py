"""Who may vote: accounts, sessions, and the one private key that signs access tokens. A process of its own."""
