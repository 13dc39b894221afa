"""Where this machine's traces go to be looked at: a receiver of OTLP that keeps the newest in memory."""
