-- How many days of each camera will be held at the present rate (R3.1), as its school foretells.
CREATE TABLE camera_forecast (
    school text NOT NULL,
    camera text NOT NULL,
    held_days double precision NOT NULL,
    days double precision NOT NULL,
    keep_days int NOT NULL,
    daily_bytes bigint NOT NULL,
    PRIMARY KEY (school, camera)
);
ALTER TABLE school_state ADD COLUMN full_in_days double precision;
ALTER TABLE school_state ADD COLUMN forecast_at timestamptz;
