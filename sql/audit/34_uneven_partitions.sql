-- 34 · FINDING · Is any of the event's partitions gone, or has far fewer or more votes than chance would give it?
-- Sound: no line. Pseudonyms are hashes, so each partition gets its share, give or take a few times the share's square
--        root. Beyond eight of them, somebody emptied or filled one. One that isn't there, however few votes it may have had,
--        was dropped, renamed or detached from the event. An event that was detached whole (10: archived) still has all of
--        its partitions, and no line; once it was dropped (050) each is a line.
-- Takes: a scan of the event: some seconds for each ten million votes.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_no=7 -f sql/audit/34_uneven_partitions.sql   (as vote_auditor)

WITH leaves AS (
    SELECT leaf, coalesce(l.votes, 0) AS votes, avg(coalesce(l.votes, 0)) OVER () AS share,
           EXISTS (SELECT FROM pg_inherits
                   WHERE inhrelid = to_regclass(format('votes_e%s_p%s', :event_no, leaf))
                     AND inhparent = to_regclass(format('votes_e%s', :event_no))) AS is_there
    FROM generate_series(0, (SELECT e.modulus FROM events e WHERE e.event_no = :event_no) - 1) AS leaf
    LEFT JOIN (SELECT v.tableoid AS leaf_oid, count(*) AS votes FROM votes v WHERE v.event_no = :event_no GROUP BY 1) AS l
        ON l.leaf_oid = to_regclass(format('votes_e%s_p%s', :event_no, leaf))
)
SELECT format('votes_e%s_p%s', :event_no, leaf) AS partition, is_there, votes, round(share) AS share
FROM leaves WHERE NOT is_there OR abs(votes - share) > 8 * sqrt(share) ORDER BY leaf;
