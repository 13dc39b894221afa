-- Detaches the event's partition of :table, or finishes a detachment that was interrupted; else does nothing. Stops while
-- another event's isn't finished. A step.
-- Locks: SHARE UPDATE EXCLUSIVE on :table, which voting and reading don't wait for. CONCURRENTLY waits for transactions
--        that use :table now, however long, and holds nothing meanwhile: a lock_timeout would leave the detachment half
--        done. Then ACCESS EXCLUSIVE on the partition: while it waits for who reads that by its own name, no event can be
--        made. FINALIZE waits for every older snapshot and holds the lock on :table meanwhile: so it gives up after 3 s.
\set partition :table _e :event_no
SELECT has_partition(:'table', :event_no) AS is_attached, EXISTS (
    SELECT FROM pg_inherits
    WHERE inhrelid = to_regclass(:'partition') AND inhparent = to_regclass(:'table') AND inhdetachpending) AS is_pending, (
    SELECT inhrelid::regclass FROM pg_inherits
    WHERE inhrelid IS DISTINCT FROM to_regclass(:'partition') AND inhparent = to_regclass(:'table') AND inhdetachpending
) AS other \gset
\if :is_pending
  ALTER TABLE :table DETACH PARTITION :partition FINALIZE;
\elif :is_attached
  \if :{?other}
    \set why :other ' is being detached, or its detachment was broken off: run 020 (or 004) for its event first, or 030'
    \ir stop.sql
  \endif
  SET lock_timeout = 0;
  ALTER TABLE :table DETACH PARTITION :partition CONCURRENTLY;
  SET lock_timeout = '3s';
\endif
