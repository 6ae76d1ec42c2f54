-- What was stored last is found without reading all checkpoints.
CREATE INDEX custody_checkpoint_stored ON custody_checkpoint (school, size) WHERE stored_at IS NOT NULL;
