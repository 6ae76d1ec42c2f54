-- What a school knows no recording of, apart from what was recorded and is gone.
ALTER TABLE holds ADD COLUMN gaps jsonb NOT NULL DEFAULT '[]';
