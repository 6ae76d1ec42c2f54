-- People ask what copies there are of a camera's footage.
CREATE INDEX objects_by_camera ON objects (school, camera, start_at);
