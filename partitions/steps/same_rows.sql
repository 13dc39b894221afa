-- Stops unless the tables :given and :kept hold the same rows, however often each. A step: two scans and a sort of both.
SELECT (SELECT count(*) FROM :given) = (SELECT count(*) FROM :kept)
   AND NOT EXISTS (TABLE :given EXCEPT ALL TABLE :kept) AS is_same \gset
\if :is_same
\else
  \warn :given 'and' :kept 'do not hold the same rows'
  SELECT 1 / 0;
\endif
