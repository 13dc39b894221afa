-- Renames the table :from, its leaves and their indexes to :to. A step, within a transaction.
-- Locks: ACCESS EXCLUSIVE on these tables, which aren't attached.
WITH tables AS (
    SELECT to_regclass(:'from')::oid AS table_oid UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:'from')
)
SELECT format('ALTER TABLE %I RENAME TO %I', relname, :'to' || substr(relname, length(:'from') + 1))
FROM pg_class
WHERE oid IN (SELECT table_oid FROM tables UNION ALL SELECT indexrelid FROM pg_index JOIN tables ON indrelid = table_oid)
  AND starts_with(relname, :'from')
ORDER BY oid \gexec
