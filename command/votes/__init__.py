"""A vote on its way: vote_handler → vote_batcher → vote_writer → cast_votes() in Postgres."""
