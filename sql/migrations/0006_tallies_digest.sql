-- A digest of the stored tallies beside their position: so fanout notices a row that another hand has changed.
-- The first start after this migration finds no digest and counts the ledger anew, once.

SET ROLE vote_ledger_owner;

-- Sum over all rows of tallies, see fanout/tally.py; null: a recount is asked for.
ALTER TABLE fanout_checkpoint ADD COLUMN digest bigint;

-- For a DBA who has brought rows into the ledger by another way than cast_votes(): fanout, running or not, counts the
-- whole ledger anew within seconds, under a higher epoch. Numbers are marked stale until it is done and don't fall.
CREATE FUNCTION request_recount() RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    UPDATE fanout_checkpoint SET epoch = epoch + 1, digest = NULL
$$;
REVOKE EXECUTE ON FUNCTION request_recount() FROM PUBLIC;

RESET ROLE;
