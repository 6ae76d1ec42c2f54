-- When the school found a segment at its place, so that moves may overtake each other. NULL: when it was recorded.
ALTER TABLE segments ADD COLUMN located_at timestamptz;
