-- 33 · FINDING · Is any vote for somebody who isn't on the ballot?
-- Sound: no line. A contestant can be removed only before the opening, so a line says that one was removed by hand since.
-- Takes: a scan of the event: some seconds for each ten million votes.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/33_unknown_contestants.sql   (as vote_auditor)

SELECT v.contestant_no, count(*) AS votes, min(v.voted_at) AS first, max(v.voted_at) AS last
FROM votes v
WHERE v.event_no = :event_no
  AND v.contestant_no NOT IN (SELECT c.contestant_no FROM contestants c WHERE c.event_no = :event_no)
GROUP BY v.contestant_no ORDER BY v.contestant_no;
