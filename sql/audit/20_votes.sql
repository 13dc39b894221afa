-- 20 · Which votes does an event have?
-- Gives: a line for each vote; the voter is a pseudonym, which means nobody outside this event.
-- Takes: a scan of the event: some seconds for each ten million votes. No lock that anybody waits for.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 --csv -v event_no=7 -f sql/audit/20_votes.sql   (as vote_auditor)

SELECT v.voted_at, encode(v.voter, 'hex') AS voter, v.contestant_no, c.contestant_name, v.region,
       encode(v.seal, 'hex') AS seal
FROM votes v LEFT JOIN contestants c ON c.event_no = :event_no AND c.contestant_no = v.contestant_no
WHERE v.event_no = :event_no;
