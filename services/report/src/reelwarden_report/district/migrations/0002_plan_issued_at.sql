-- People read when a plan was issued; its number tells them nothing.
ALTER TABLE school_state ADD COLUMN plan_issued_at timestamptz;
