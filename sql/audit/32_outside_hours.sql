-- 32 · FINDING · Has any vote a time at which voting was not open: before, after, or in a pause?
-- Sound: no line. The hours are what the log of acts says: from each opening or resuming to the next act that stops voting.
-- Takes: a scan of the event: some seconds for each ten million votes.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/32_outside_hours.sql   (as vote_auditor)

WITH acts AS (
    SELECT a.action, a.at, lead(a.at, 1, 'infinity') OVER (ORDER BY a.audit_no) AS until
    FROM events e JOIN audit_log a USING (event_id)
    WHERE e.event_no = :event_no
      AND a.action IN ('event.open', 'event.pause', 'event.resume', 'event.close', 'event.cancel')
), hours AS (
    SELECT at AS since, least(until, (SELECT e.closes_at FROM events e WHERE e.event_no = :event_no)) AS until
    FROM acts WHERE action IN ('event.open', 'event.resume')
)
SELECT v.voted_at, encode(v.voter, 'hex') AS voter, v.contestant_no
FROM votes v
WHERE v.event_no = :event_no AND NOT EXISTS (SELECT FROM hours h WHERE v.voted_at BETWEEN h.since AND h.until);
