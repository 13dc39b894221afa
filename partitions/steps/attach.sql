-- Attaches the event's partition of :table if there is one that isn't attached. A step.
-- Locks: SHARE UPDATE EXCLUSIVE on :table, which voting and reading don't wait for; ACCESS EXCLUSIVE on the partition.
\set partition :table _e :event_no
SELECT to_regclass(:'partition') IS NOT NULL AND NOT has_partition(:'table', :event_no) AS is_to_attach \gset
\if :is_to_attach
  ALTER TABLE :table ATTACH PARTITION :partition FOR VALUES IN (:event_no);
\endif
