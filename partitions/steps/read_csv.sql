-- Reads :name.csv of the archive: archived_:name is a view of this session then, with the columns of the event's own table,
-- or of the ledger's if that is gone. What the file lacks, since a migration came after it, has its default; what only the
-- file has, since a migration took it away, is left out. A step.
\set file :name .csv
\setenv FILE :file
\set columns `head -n 1 "$ARCHIVE/$FILE"`
CREATE TEMPORARY TABLE columns_read AS
SELECT said.name AS said, said.place, a.attname AS name, a.attnum, format_type(a.atttypid, a.atttypmod) AS type,
       pg_get_expr(d.adbin, d.adrelid) AS preset
FROM string_to_table(:'columns', ',') WITH ORDINALITY AS said (name, place)
FULL JOIN (SELECT * FROM pg_attribute
           WHERE attrelid = coalesce(to_regclass(:'name' || '_e' || :event_no), to_regclass(:'name'))
             AND attnum > 0 AND NOT attisdropped) AS a ON a.attname = said.name
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum;
SELECT format('CREATE TEMPORARY TABLE rows_read (%s)',
              string_agg(format('%I %s', said, coalesce(type, 'text')), ', ' ORDER BY place))
FROM columns_read WHERE said IS NOT NULL \gexec
\copy rows_read FROM PROGRAM 'cat "$ARCHIVE/$FILE"' (FORMAT csv, HEADER match)
SELECT format('ALTER TABLE rows_read RENAME TO %I', :'name' || '_read'),
       format('CREATE TEMPORARY VIEW %I AS SELECT %s FROM %I', 'archived_' || :'name',
              string_agg(CASE WHEN said IS NOT NULL THEN format('%I', name)
                              ELSE format('(%s)::%s AS %I', coalesce(preset, 'NULL'), type, name) END, ', ' ORDER BY attnum),
              :'name' || '_read'),
       format('GRANT SELECT ON %I TO vote_ledger_owner', 'archived_' || :'name')
FROM columns_read WHERE name IS NOT NULL \gexec
DROP TABLE columns_read;
