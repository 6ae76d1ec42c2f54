-- People read the rules that they acknowledge (R6, R7).
ALTER TABLE rules ADD COLUMN text text;
