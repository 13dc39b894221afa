-- 22 · How did a given person vote in an event?
-- Who:   only whoever may be told that person's voter_seed (the person, or a court): it is in the database of people, which
--        no auditor reads, and the ledger alone can't tell. It is 32 bytes; the pseudonym is made of it here.
-- Gives: the vote, or no line.
-- Takes: milliseconds. For all events of a person ask event by event: one statement over all would lock every partition.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -c '\prompt seed: voter_seed' -f sql/audit/22_vote_of_person.sql
--        (as vote_auditor, by psql 16 or newer). It asks for the seed, which is written \x0123… without quotes: as an
--        argument it would stand in the list of processes and in the shell's history; and it is bound, since
--        pg_stat_activity shows statements to who watches the server.

SELECT v.voted_at, encode(v.voter, 'hex') AS voter, v.contestant_no, c.contestant_name, v.region
FROM votes v LEFT JOIN contestants c ON c.event_no = :event_no AND c.contestant_no = v.contestant_no
WHERE v.event_no = :event_no AND v.voter = substr(sha256($1::bytea || int4send(:event_no)), 1, 12)
\bind :voter_seed \g
