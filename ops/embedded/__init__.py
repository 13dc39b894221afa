"""The whole system on one machine: real servers out of wheels, under one supervisor, started by ops/up."""
