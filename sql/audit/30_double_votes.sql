-- 30 · FINDING · Is anybody's vote there twice?
-- Sound: no line. The unique key forbids it; so a line says that the key was dropped meanwhile, or that an index is broken.
-- Takes: a scan of the event that is sorted or hashed: about ten seconds for each ten million votes.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/30_double_votes.sql   (as vote_auditor)

SELECT encode(v.voter, 'hex') AS voter, count(*) AS votes, array_agg(v.contestant_no) AS contestants
FROM votes v WHERE v.event_no = :event_no GROUP BY v.voter HAVING count(*) > 1;
