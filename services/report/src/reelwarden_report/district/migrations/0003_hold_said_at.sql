-- When the keeper last said how a hold stands: a release that was stopped is told from one that came after.
ALTER TABLE hold ADD COLUMN said_at timestamptz;
