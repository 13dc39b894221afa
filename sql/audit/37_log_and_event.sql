-- 37 · FINDING · Does an event say what its log doesn't, or the log what can't have been?
-- Sound: no line. Each act says what it changed, so all acts together make the event: its status and hours, who sees its
--        results, freezes, reveals and all else that people decided. Each act must be one that could follow the one before
--        it, start from what that one left, and not be earlier; and the event knows how many of them there were (change_no).
--        What no act changes (numbers, keys, tables, the short code) isn't asked, nor are contestants: see question 24.
--        The log of an event that was made before migration 0021 says too little: each of its fields is named.
-- Takes: milliseconds.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/37_log_and_event.sql   (as vote_auditor)

WITH RECURSIVE known (action, follows) AS (VALUES  -- and in which statuses of the event it may come; '': there is none yet
    ('event.create', '{""}'::text[]), ('event.edit', '{draft,scheduled,open,paused}'),
    ('event.contestant.add', '{draft,scheduled}'), ('event.contestant.edit', '{draft,scheduled}'),
    ('event.contestant.remove', '{draft,scheduled}'),
    ('event.open', '{draft,scheduled}'), ('event.pause', '{open}'), ('event.resume', '{paused}'),
    ('event.close', '{open,paused}'), ('event.cancel', '{draft,scheduled,open,paused}'), ('event.void', '{closed}'),
    ('event.cancel.asked', '{open,paused}'), ('event.void.asked', '{closed}'), ('event.reset', '{closed,cancelled}'),
    ('event.freeze', '{open,paused,closed}'), ('event.unfreeze', '{open,paused,closed}'), ('event.reveal', '{closed}')
), told AS (  -- act by act: the event that it came upon, and the one that it made
    SELECT e.event_no, e.event_id, 0 AS acts, 0::bigint AS audit_no, '-infinity'::timestamptz AS at, ''::text AS action,
           NULL::timestamptz AS last_at, '{}'::jsonb AS said_before, '{}'::jsonb AS found,
           to_jsonb(jsonb_populate_record(NULL::events, '{}'))
               - '{event_no,event_id,status_at,created_at,modulus,key_no,ballot_seal,change_no,short_code,contestants_made}'::text[]
               AS made
    FROM events e WHERE e.event_no = :event_no
    UNION ALL
    SELECT t.event_no, t.event_id, t.acts + 1, a.audit_no, a.at, a.action, t.at, coalesce(a.before, '{}'), t.made,
           t.made || CASE a.action
               WHEN 'event.create' THEN '{"results_visibility": "public", "captcha": false, "assurance_min": "password",
                                          "rehearsal": false, "two_person": false, "frozen": false}'
                   || coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(a.after)
                                WHERE value <> 'null' AND key <> 'contestants'), '{}')
                   || jsonb_build_object('created_by', a.actor,
                                         'status', CASE WHEN a.after ->> 'opens_at' IS NULL THEN 'draft' ELSE 'scheduled' END)
               WHEN 'event.edit' THEN coalesce(a.after, '{}')
               WHEN 'event.open' THEN jsonb_build_object('status', 'open', 'status_at', a.at, 'opened_at', a.at)
               WHEN 'event.pause' THEN jsonb_build_object('status', 'paused', 'status_at', a.at)
               WHEN 'event.resume' THEN jsonb_build_object('status', 'open', 'status_at', a.at)
               WHEN 'event.close' THEN jsonb_build_object('status', 'closed', 'status_at', a.at)
               WHEN 'event.cancel' THEN jsonb_build_object('status', 'cancelled', 'status_at', a.at)
               WHEN 'event.void' THEN jsonb_build_object('status', 'cancelled', 'status_at', a.at,
                                                         'closed_at', t.made -> 'status_at', 'void_reason', a.after -> 'reason')
               WHEN 'event.reset' THEN jsonb_build_object('replaced_by', a.after -> 'replaced_by')
               WHEN 'event.freeze' THEN jsonb_build_object('frozen', true, 'display_at', a.at)
               WHEN 'event.unfreeze' THEN jsonb_build_object('frozen', false, 'display_at', a.at)
               WHEN 'event.reveal' THEN jsonb_build_object('revealed', a.after -> 'revealed', 'display_at', a.at)
                   || CASE WHEN (a.after ->> 'revealed')::int >= (SELECT count(*) FROM contestants c WHERE c.event_no = t.event_no)
                           THEN '{"frozen": false}' ELSE '{}'::jsonb END
               ELSE '{}' END
    FROM told t, LATERAL (
        SELECT l.audit_no, l.at, l.actor, l.action, l.before, l.after FROM audit_log l
        WHERE l.event_id = t.event_id AND l.audit_no > t.audit_no
          -- A DBA's acts change no field.
          AND l.action NOT IN ('event.rehashed', 'event.recounted', 'event.dropped', 'event.restored')
        ORDER BY l.audit_no LIMIT 1) AS a
), last AS (
    SELECT * FROM told ORDER BY acts DESC LIMIT 1
)
SELECT t.audit_no, t.action AS what, CASE
           WHEN k.action IS NULL THEN 'there is no such act'
           WHEN t.at < t.last_at THEN 'it is earlier than the act before it'
           WHEN coalesce(t.found ->> 'status', '') <> ALL (k.follows)
               THEN format('it can''t be: the event was %s', coalesce(t.found ->> 'status', 'not there yet'))
           ELSE 'it changed something else than what the acts before it had made' END AS why
FROM told t LEFT JOIN known k USING (action)
WHERE t.acts > 0 AND (k.action IS NULL OR t.at < t.last_at OR coalesce(t.found ->> 'status', '') <> ALL (k.follows)
                      OR jsonb_populate_record(NULL::events, t.found || t.said_before)
                          IS DISTINCT FROM jsonb_populate_record(NULL::events, t.found))
UNION ALL
SELECT NULL, now.key, format('by the log %s, in the event %s', coalesce(made.fields ->> now.key, 'null'),
                             coalesce(now.value #>> '{}', 'null'))
FROM last, events e, jsonb_each(to_jsonb(e)) AS now,
     to_jsonb(jsonb_populate_record(NULL::events, last.made)) AS made (fields)
WHERE e.event_no = :event_no AND last.made ? now.key AND now.value <> made.fields -> now.key
UNION ALL
SELECT NULL, 'change_no', format('the log has %s acts, the event had %s', last.acts, e.change_no)
FROM last, events e WHERE e.event_no = :event_no AND e.change_no <> last.acts
ORDER BY 1, 2;
