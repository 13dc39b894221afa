"""The operator's command line: ./ops/admin."""
