"""What the processes, the clients and the operator must agree on. Opens nothing and imports none of the processes."""
