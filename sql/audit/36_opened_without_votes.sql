-- 36 · FINDING · Was the event open and has it no vote, though somebody tried to vote or votes were judged?
-- Sound: no line. Refusals for another contestant, evidence of fraud rules and counts by assurance stand in tables of their
--        own: whoever takes an event's votes and its tallies away together has forgotten these. An event whose votes are
--        detached (10: archived) is a line, too.
-- Takes: milliseconds.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/36_opened_without_votes.sql   (as vote_auditor)

SELECT d.duplicates, a.judged AS accepted_by_rules
FROM (SELECT count(*) AS duplicates FROM vote_rejections r WHERE r.event_no = :event_no AND r.kind = 2) AS d,
     (SELECT coalesce(sum(votes), 0) AS judged FROM vote_assurances WHERE event_no = :event_no) AS a
WHERE NOT EXISTS (SELECT FROM votes v WHERE v.event_no = :event_no) AND (d.duplicates > 0 OR a.judged > 0);
