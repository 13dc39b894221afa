-- 25 · Which votes do receipts stand for that voters handed in?
-- Gives: a line for each of these voters who has a vote: with the seal, which the holder of its key can make again of the
--        line itself; `./ops/audit --receipts` does. Who has none is found by question 35.
-- Takes: a look-up for each voter.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -v voters="'{\"\\\\x0123…\"}'" -f sql/audit/25_votes_of_receipts.sql   (as vote_auditor)

SELECT encode(v.voter, 'hex') AS voter, v.voted_at, v.device, v.contestant_no, c.contestant_name, v.region,
       encode(v.seal, 'hex') AS seal
FROM votes v LEFT JOIN contestants c ON c.event_no = :event_no AND c.contestant_no = v.contestant_no
WHERE v.event_no = :event_no AND v.voter = ANY (:voters::bytea[]) ORDER BY v.voter;
