"""The write side: a vote goes vote_handler → vote_batcher → vote_writer → cast_votes() in Postgres."""
