-- Where each stored count last changed: so that readers who fall back to them show the version and time of the counts,
-- not of the checkpoint, which would be later than what Redis says of the same counts and fall when it is back.
-- ADD COLUMN with a constant default rewrites nothing; ACCESS EXCLUSIVE on tallies for a moment, which fanout waits for.

SET ROLE vote_ledger_owner;

ALTER TABLE tallies
    ADD COLUMN lsn pg_lsn NOT NULL DEFAULT '0/0',          -- the end of the event's newest commit when this was stored
    ADD COLUMN as_of timestamptz NOT NULL DEFAULT to_timestamp(0);  -- the time of that commit

RESET ROLE;
