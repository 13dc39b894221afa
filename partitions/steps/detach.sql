-- Detaches the event's partition of :table, or finishes a detachment that was interrupted; else does nothing. A step.
-- Locks: SHARE UPDATE EXCLUSIVE on :table, which voting and reading don't wait for. CONCURRENTLY waits for transactions
--        that read :table now, and holds nothing meanwhile.
\set partition :table _e :event_no
SELECT has_partition(:'table', :event_no) AS is_attached, EXISTS (
    SELECT FROM pg_inherits
    WHERE inhrelid = to_regclass(:'partition') AND inhparent = to_regclass(:'table') AND inhdetachpending) AS is_pending \gset
\if :is_pending
  ALTER TABLE :table DETACH PARTITION :partition FINALIZE;
\elif :is_attached
  ALTER TABLE :table DETACH PARTITION :partition CONCURRENTLY;
\endif
