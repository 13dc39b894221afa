-- Ends the script with the error :why; of an open transaction nothing stays. A step.
\set VERBOSITY terse
SELECT set_config('partitions.why', :'why', false) AS why \gset
DO $$ BEGIN RAISE EXCEPTION '%', current_setting('partitions.why'); END $$;
