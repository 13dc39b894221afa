-- 010 · What each event's partitions hold and weigh.
-- When:  any time; before archiving, or when the disk fills.
-- Locks: none that anybody waits for (reads catalogs and statistics).
-- Takes: milliseconds. Rows are the statistics' estimate: for an exact count ask the ledger.
-- Undo:  nothing to undo.
-- Run:   psql "$DATABASE_URL" -f partitions/010_sizes.sql

SELECT e.event_no, e.event_id, e.event_name, e.status, e.modulus AS partitions,
       coalesce(size.rows, 0) AS about_rows,
       pg_size_pretty(coalesce(size.heap, 0)) AS heap, pg_size_pretty(coalesce(size.indexes, 0)) AS indexes,
       size.attached
FROM events e
LEFT JOIN LATERAL (
    SELECT sum(s.n_live_tup) AS rows, sum(pg_table_size(leaf.oid)) AS heap, sum(pg_indexes_size(leaf.oid)) AS indexes,
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = top.oid) AS attached
    FROM pg_class top
    JOIN pg_namespace n ON n.oid = top.relnamespace AND n.nspname = 'public'
    JOIN pg_inherits part ON part.inhparent = top.oid  -- pg_partition_tree would lock every table of every event
    JOIN pg_class leaf ON leaf.oid = part.inhrelid
    LEFT JOIN pg_stat_user_tables s ON s.relid = leaf.oid
    WHERE top.relname = 'votes_e' || e.event_no
    GROUP BY top.oid
) size ON true
ORDER BY e.event_no;
