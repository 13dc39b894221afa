-- Stops unless the event is closed or cancelled. A step of other scripts; locks nothing that anybody waits for.
SELECT status IN ('closed', 'cancelled') AS is_over FROM events WHERE event_no = :event_no \gset
\if :is_over
\else
  \set why 'event ' :event_no ' is not closed'
  \ir stop.sql
\endif
