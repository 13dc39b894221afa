-- What the public sees of frozen events, kept beside the tallies: so that a restart of fanout, or readers without Redis,
-- show neither more nor less.
-- Locks: none that anybody waits for (a new table, rights). Takes: milliseconds.
-- Goes before the new fanout, query and sse processes. An old fanout knows no freeze: so freeze nothing before it is new.

SET ROLE vote_ledger_owner;

-- The events that were frozen at the checkpoint. Written in the transaction that writes the tallies, and covered by their
-- digest.
CREATE TABLE frozen_tallies (
    event_no int PRIMARY KEY,       -- no foreign key, as tallies
    lsn      pg_lsn NOT NULL,       -- the end of the newest change of the event since the freeze
    as_of    timestamptz NOT NULL,  -- commit time of the freeze
    votes    jsonb NOT NULL         -- by contestant_no, as of that commit
);

GRANT SELECT, INSERT, UPDATE, DELETE ON frozen_tallies TO vote_fanout;
GRANT SELECT ON frozen_tallies TO vote_query, vote_auditor;

-- A lost freeze is counted anew: the votes before it.
GRANT SELECT (voted_at) ON votes TO vote_fanout;

RESET ROLE;
