-- 030 · Put a detached event's votes back into the ledger's tree.
-- When:  undoing 020, or to look into an archived event again.
-- Locks: SHARE UPDATE EXCLUSIVE on votes, which voting and reading don't wait for; ACCESS EXCLUSIVE on the event's own table.
-- Takes: one scan of the event (seconds per ten million votes), unless it still has the CHECK that DETACH CONCURRENTLY leaves.
-- Undo:  partitions/020_detach_event.sql
-- Run:   psql "$DATABASE_URL" -v event_no=7 -f partitions/030_attach_event.sql   (as superuser or vote_ledger_owner)

\set ON_ERROR_STOP on
SET lock_timeout = '3s';
SET search_path = public;
ALTER TABLE votes ATTACH PARTITION votes_e:event_no FOR VALUES IN (:event_no);
ALTER TABLE vote_rejections ATTACH PARTITION vote_rejections_e:event_no FOR VALUES IN (:event_no);
