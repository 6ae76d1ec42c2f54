-- Why a school does not believe its server's clock, and since when.
ALTER TABLE school_state ADD COLUMN clock_doubt text, ADD COLUMN clock_doubted_at timestamptz;
