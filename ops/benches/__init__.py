"""The figures of this project: one module a bench."""
