"""The write side: vote_handler → vote_caster → vote_batcher → vote_writer → ledger_connection → cast_votes()."""
