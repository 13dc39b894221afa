"""What operates the system; nothing that serves imports it."""
