-- Notes in the log of the event that the DBA did :act, with :details (JSON). A step.
INSERT INTO audit_log (action, event_id, operator, after)
SELECT :'act', event_id, session_user, (:'details')::jsonb FROM events WHERE event_no = :event_no;
