#!/usr/bin/env bash
# The sqlite3 shell on a database in memory with pages of 64 KiB: rows with blobs of up to 300 KB
# are inserted, updated, indexed, sorted and deleted.
source "$(dirname "$0")/common.sh"
need sqlite3 sqlite3

cat >"$scratch/job.sql" <<'END'
PRAGMA page_size = 65536;
PRAGMA temp_store = MEMORY;
CREATE TABLE blobs(id INTEGER PRIMARY KEY, kind INTEGER, body BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
  INSERT INTO blobs SELECT i, i % 13, zeroblob(2000 + (i * 7919) % 300000) FROM n;
DELETE FROM blobs WHERE id % 3 = 0;
UPDATE blobs SET body = zeroblob(1000 + (id * 104729) % 200000) WHERE id % 5 = 0;
CREATE TABLE sorted AS SELECT id, hex(substr(body, 1, 30000)) AS text FROM blobs ORDER BY kind, id;
CREATE INDEX by_text ON sorted(text);
SELECT count(*), sum(length(text)) FROM sorted;
SELECT kind, length(group_concat(substr(hex(body), 1, 40000))) FROM blobs GROUP BY kind;
DROP TABLE sorted;
WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
  INSERT INTO blobs SELECT i, i % 7, zeroblob(10000 + (i * 31337) % 150000) FROM n;
DELETE FROM blobs WHERE id % 2 = 0;
VACUUM;
SELECT count(*), sum(length(body)) FROM blobs;
END

echo "1400 rows with blobs in an in-memory database"
record sqlite sqlite3 :memory: ".read $scratch/job.sql"
