-- 35 · FINDING · Of voters who were told that their vote is kept, who has none?
-- Sound: no line. A voter shows the receipt that the answer to their vote gave them (vote_id); `./ops/audit` opens receipts
--        with the event's key, which the database doesn't have, and asks this of the pseudonyms inside. Of an event whose
--        votes are detached (10: archived) each voter is a line: ask `./ops/audit --archive`.
-- Takes: a look-up for each voter.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -v voters="'{\"\\\\x0123…\"}'" -f sql/audit/35_missing_receipts.sql   (as vote_auditor)

SELECT encode(given.voter, 'hex') AS voter FROM unnest(:voters::bytea[]) AS given (voter)
WHERE NOT EXISTS (SELECT FROM votes v WHERE v.event_no = :event_no AND v.voter = given.voter);
