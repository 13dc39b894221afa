-- 22 · How did a given person vote in an event?
-- Who:   only whoever may be told that person's voter_seed (the person, or a court): it is in the database of people, which
--        no auditor reads, and the ledger alone can't tell. It is 32 bytes; the pseudonym is made of it here.
-- Gives: the vote, or no line.
-- Takes: milliseconds. For all events of a person ask event by event: one statement over all would lock every partition.
-- Run:   psql "$DATABASE_URL" -v event_no=7 -c '\prompt seed: voter_seed' -f sql/audit/22_vote_of_person.sql
--        (as vote_auditor). It asks for the seed, which is written '\x0123…' with its quotes: as an argument it would stand in
--        the list of processes and in the shell's history.

SELECT v.voted_at, encode(v.voter, 'hex') AS voter, v.contestant_no, c.contestant_name, v.region
FROM votes v LEFT JOIN contestants c ON c.event_no = :event_no AND c.contestant_no = v.contestant_no
WHERE v.event_no = :event_no AND v.voter = substr(sha256(:voter_seed::bytea || int4send(:event_no)), 1, 12);
