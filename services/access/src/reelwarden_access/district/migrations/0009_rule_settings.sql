-- The numbers that a version of the rule set sets (R6).
ALTER TABLE rules ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';
-- What was last said about who acknowledged the rules, per school.
CREATE TABLE training_said (
    school text PRIMARY KEY,
    rules_version int NOT NULL,
    people int NOT NULL,
    acknowledged int NOT NULL
);
