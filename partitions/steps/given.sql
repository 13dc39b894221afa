-- Stops unless each variable that the script :needs was given, and the ledger has event :event_no. A step.
\if :{?event_no}
\else
  \set event_no ''
\endif
\if :{?folder}
\else
  \set folder ''
\endif
\if :{?modulus}
\else
  \set modulus ''
\endif
\if :{?keep_days}
\else
  \set keep_days ''
\endif
SELECT count(*) > 0 AS is_lacking,
       'the script needs ' || string_agg(format('-v %s=%s', name, example), ' ' ORDER BY name) || ', as its head says' AS why
FROM (VALUES ('event_no', :'event_no', '^[1-9]\d{0,8}$', '7'), ('folder', :'folder', '.', '/archive/7'),
             ('modulus', :'modulus', '^\d{1,3}$', '64'), ('keep_days', :'keep_days', '^\d{1,5}$', '90'))
    AS given (name, value, shape, example)
WHERE name = ANY (string_to_array(:'needs', ' ')) AND value !~ shape \gset
\if :is_lacking
  \ir stop.sql
\endif
SELECT NOT EXISTS (SELECT FROM events WHERE event_no = :event_no) AS is_unknown \gset
\if :is_unknown
  \set why 'the ledger has no event ' :event_no
  \ir stop.sql
\endif
