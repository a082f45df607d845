-- The layout of a handstamp session database, version 1.
--
-- SqliteStore::open makes it when the file is new. To make it by hand, say to keep an eye on the
-- permissions: sqlite3 sessions.db < schema.sql

CREATE TABLE sessions (
  sid TEXT NOT NULL UNIQUE,  -- the session id
  expires INTEGER NOT NULL,  -- milliseconds since 1970; from then on the session is missing
  revision INTEGER NOT NULL, -- random when created, one more with each update
  owner TEXT,                -- whose session it is, if it is anybody's
  sess ANY NOT NULL          -- the document: TEXT if it is text, as JSON is, else BLOB; last, since
                             -- SQLite reads through a large value to find what is behind it
) STRICT;

-- What the reaper follows.
CREATE INDEX sessions_expires ON sessions (expires);

-- Most sessions are nobody's, and those cost nothing here.
CREATE INDEX sessions_owner ON sessions (owner) WHERE owner IS NOT NULL;

-- 'hstp': by this the file is known to be ours.
PRAGMA application_id = 1752396912;
PRAGMA user_version = 1;
