-- Writes the rows of :query to :folder/:name.csv, and their number into :counts. A step, within the snapshot of the archive.
\set file :folder / :name .csv
COPY (:query) TO STDOUT (FORMAT csv, HEADER) \g :file
\set counts :counts :name '.csv ' :ROW_COUNT '\n'
