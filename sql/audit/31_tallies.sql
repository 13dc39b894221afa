-- 31 · FINDING · Is what was counted as the votes passed what the ledger holds now?
-- Sound: no line. While an event goes on, its stored tallies may be behind; once it is closed or cancelled they are the same
--        once fanout has stored a checkpoint two seconds later. Until then (some seconds, or while fanout is down) rows that
--        it hasn't counted yet are no finding: ask again; so do when fanout is just catching up after it was down.
--        Fewer votes than were counted: votes were deleted, or the tally was edited. More: rows were added unseen.
--        Of an event whose votes are detached (10: archived) each contestant with a vote is a line: its archive has the rows.
-- Takes: a scan of the event: some seconds for each ten million votes.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/31_tallies.sql   (as vote_auditor)

SELECT contestant_no, coalesce(l.votes, 0) AS rows, coalesce(t.votes, 0) AS counted
FROM (SELECT v.contestant_no, count(*) AS votes FROM votes v WHERE v.event_no = :event_no GROUP BY 1) AS l
FULL JOIN (SELECT contestant_no, votes FROM tallies WHERE event_no = :event_no) AS t USING (contestant_no)
WHERE coalesce(l.votes, 0) < coalesce(t.votes, 0)
   OR coalesce(l.votes, 0) > coalesce(t.votes, 0)
      AND EXISTS (SELECT FROM events e, fanout_checkpoint c
                  WHERE e.event_no = :event_no AND e.status IN ('closed', 'cancelled')
                    AND c.written_at > coalesce(e.closed_at, e.status_at) + interval '2 seconds')
ORDER BY contestant_no;
