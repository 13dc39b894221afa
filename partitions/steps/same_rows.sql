-- Stops unless the tables :given and :kept hold the same rows, however often each. A step: two scans and a sort of both.
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
FROM pg_attribute WHERE attrelid = to_regclass(:'kept') AND attnum > 0 AND NOT attisdropped \gset
SELECT (SELECT count(*) FROM :given) = (SELECT count(*) FROM :kept)
   AND NOT EXISTS (SELECT :columns FROM :given EXCEPT ALL SELECT :columns FROM :kept) AS is_same \gset
\if :is_same
\else
  \set why :given ' and ' :kept ' do not hold the same rows'
  \ir stop.sql
\endif
