-- 23 · Which votes were refused, and why?
-- Gives: by reason: voters (each counts once for a reason), and when the first and the last was refused.
-- Takes: a scan of the event's refusals. No lock that anybody waits for.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/23_refusals.sql   (as vote_auditor)

SELECT CASE r.kind WHEN 2 THEN 'voted for another contestant before' WHEN 3 THEN 'not open yet' WHEN 4 THEN 'closed'
                   WHEN 5 THEN 'a fraud rule' WHEN 6 THEN 'a captcha was asked for' WHEN 7 THEN 'paused'
                   ELSE 'kind ' || r.kind END AS reason,
       count(*) AS voters, min(r.rejected_at) AS first, max(r.rejected_at) AS last
FROM vote_rejections r WHERE r.event_no = :event_no GROUP BY r.kind ORDER BY r.kind;
