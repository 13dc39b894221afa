"""SQL only: migrations, the schema that they add up to, the processes' queries, audits."""
