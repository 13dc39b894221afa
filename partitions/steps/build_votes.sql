-- Makes votes_e…_new with :modulus leaves beside the tree and fills it from the table :source. A step; as the ledger's owner.
-- Fanout hears of no row: only what is in the tree of votes is published. In sixteen transactions, each a scan of the source,
-- so that none of them is a large one for the WAL's readers. The CHECK says what the place in the tree will ask for: so
-- ATTACH needn't scan the event while it holds its lock on votes.
\set new_votes votes_e :event_no _new
DROP TABLE IF EXISTS :new_votes;
CREATE TABLE :new_votes (LIKE votes INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (event_no, voter),
                         CONSTRAINT of_event CHECK (event_no = :event_no)) PARTITION BY HASH (voter);
SELECT format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
              :'new_votes' || '_p' || remainder, :'new_votes', :modulus, remainder)
FROM generate_series(0, :modulus - 1) AS remainder \gexec
SELECT format('INSERT INTO %I (%s) SELECT %2$s FROM %I WHERE get_byte(voter, 0) %% 16 = %s', :'new_votes', columns, :'source', part)
FROM (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
      FROM pg_attribute WHERE attrelid = to_regclass(:'new_votes') AND attnum > 0 AND NOT attisdropped) AS names,
     generate_series(0, 15) AS part \gexec
\set given :source
\set kept :new_votes
\ir same_rows.sql
