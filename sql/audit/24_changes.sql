-- 24 · Who did what to the event, and what of it after it had opened?
-- Gives: every act in order, with what it changed. No actor and no operator: its schedule carried it out.
-- Takes: milliseconds.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/24_changes.sql   (as vote_auditor)

SELECT a.audit_no, a.at, a.at > e.opened_at AS after_opening, a.action, a.actor, a.role, a.operator, a.before, a.after,
       a.trace_id
FROM events e JOIN audit_log a USING (event_id) WHERE e.event_no = :event_no ORDER BY a.audit_no;
