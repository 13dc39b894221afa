-- Attaches the event's partition of :table if there is one that isn't attached; a detachment that was interrupted is
-- finished before. A step.
-- Locks: SHARE UPDATE EXCLUSIVE on :table, which voting and reading don't wait for; ACCESS EXCLUSIVE on the partition.
--        Finishing waits for every older snapshot and gives up after 3 s: then run it again when those have ended.
\set partition :table _e :event_no
SELECT to_regclass(:'partition') IS NOT NULL AND NOT has_partition(:'table', :event_no) AS is_to_attach, EXISTS (
    SELECT FROM pg_inherits
    WHERE inhrelid = to_regclass(:'partition') AND inhparent = to_regclass(:'table') AND inhdetachpending) AS is_pending \gset
\if :is_pending
  ALTER TABLE :table DETACH PARTITION :partition FINALIZE;
\endif
\if :is_to_attach
  ALTER TABLE :table ATTACH PARTITION :partition FOR VALUES IN (:event_no);
\endif
