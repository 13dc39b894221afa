-- What fanout keeps in Postgres: the tallies at one position, and what it reads. All objects are new.

SET ROLE vote_ledger_owner;

-- Counts of one event at the position of the checkpoint; readers fall back to them when Redis is away.
CREATE TABLE tallies (
    event_no      int NOT NULL,  -- no foreign key: a row that somebody put there by hand must not stop every checkpoint
    contestant_no smallint NOT NULL,
    votes         bigint NOT NULL,
    PRIMARY KEY (event_no, contestant_no)
);

-- How far the tallies count, one row a source: written in the transaction that writes the tallies, and only
-- while the epoch is the writer's own and the position lower.
CREATE TABLE fanout_checkpoint (
    source     text PRIMARY KEY,
    epoch      int NOT NULL,
    system_id  bigint NOT NULL,
    timeline   int NOT NULL,
    lsn        pg_lsn NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON tallies, fanout_checkpoint TO vote_fanout;
GRANT SELECT ON tallies, fanout_checkpoint TO vote_query, vote_auditor;

-- Inserts only, the columns that are counted only, under the parent's name whatever the partition.
CREATE PUBLICATION votes_inserts FOR TABLE votes (event_no, contestant_no)
    WITH (publish = 'insert', publish_via_partition_root = true);

RESET ROLE;
