-- 21 · What is the result, counted from the votes themselves?
-- Gives: each contestant's votes and share, those without a vote too; what fanout had stored as its count, and up to which
--        position in the WAL it had counted then.
-- Takes: a scan of the event: some seconds for each ten million votes. No lock that anybody waits for.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/21_results.sql   (as vote_auditor)

SELECT c.contestant_no, c.contestant_id, c.contestant_name, coalesce(l.votes, 0) AS votes,
       round(100.0 * coalesce(l.votes, 0) / nullif(sum(l.votes) OVER (), 0), 4) AS percent,
       t.votes AS stored_tally, t.lsn AS counted_up_to
FROM contestants c
LEFT JOIN (SELECT v.contestant_no, count(*) AS votes FROM votes v WHERE v.event_no = :event_no GROUP BY 1) AS l
    USING (contestant_no)
LEFT JOIN tallies t ON t.event_no = :event_no AND t.contestant_no = c.contestant_no
WHERE c.event_no = :event_no
ORDER BY votes DESC, c.contestant_no;
