"""The edge: Caddy's configuration, and what starts it."""
