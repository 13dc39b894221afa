-- Stops unless the event has a table of votes, attached or not. A step.
SELECT to_regclass('votes_e' || :event_no) IS NULL AS is_gone \gset
\if :is_gone
  \set why 'event ' :event_no ' has no table of votes: 001 makes it before the close, 060 restores it from an archive'
  \ir stop.sql
\endif
