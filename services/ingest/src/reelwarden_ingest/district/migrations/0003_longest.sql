-- How far back a segment may begin that reaches into a span: the longest that a camera ever had. Without it every
-- lookup reads a whole day of the camera.
ALTER TABLE cameras ADD COLUMN longest_ms integer NOT NULL DEFAULT 0;
UPDATE cameras SET longest_ms = 86400000;
INSERT INTO cameras (school, camera, longest_ms)
SELECT DISTINCT school, camera, 86400000 FROM segments ON CONFLICT DO NOTHING;
