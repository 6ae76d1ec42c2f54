-- What was told of each segment of a camera-day, as a digest: a state that was not heard shows. NULL: not told.
ALTER TABLE days ADD COLUMN states bytea;
