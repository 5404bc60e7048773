#!/usr/bin/env bash
# A PostgreSQL cluster in a scratch folder: hash joins, sorts and aggregates with 64 MB of work_mem
# in several server processes. On a Unix socket only, stops by itself.
source "$(dirname "$0")/common.sh"
need pg_ctlcluster postgresql
binaries=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres | tail -1)")

cat >"$scratch/job.sql" <<'END'
CREATE TABLE orders AS SELECT i AS id, i % 5000 AS customer, repeat(md5(i::text), 4) AS note
  FROM generate_series(1, 120000) AS i;
CREATE TABLE customers AS SELECT i AS id, repeat(md5(i::text), 8) AS name
  FROM generate_series(1, 5000) AS i;
ANALYZE;
SELECT count(*), max(length(name || note)) FROM orders JOIN customers ON customer = customers.id;
SELECT count(*) FROM (SELECT note FROM orders ORDER BY note) AS sorted;
SELECT length(string_agg(note, '')) FROM orders;
SELECT customer, array_agg(note) FROM orders GROUP BY customer ORDER BY customer OFFSET 4999;
SELECT count(*) FROM orders AS a JOIN orders AS b ON a.note = b.note;
CREATE INDEX ON orders (note);
END

cat >"$scratch/session.sh" <<'END'
set -e
initdb -D "$1/data" -A trust --no-sync >"$1/initdb.log"
pg_ctl -D "$1/data" -w -l "$1/server.log" start -o "-k $1 -c listen_addresses= -c work_mem=64MB \
  -c maintenance_work_mem=64MB -c shared_buffers=64MB -c max_parallel_workers_per_gather=1 \
  -c autovacuum=off -c fsync=off" >/dev/null
psql -h "$1" -d postgres -q -o "$1/out.txt" -f "$1/job.sql"
pg_ctl -D "$1/data" -w -m fast stop >/dev/null
END

as_postgres=()
trace_dir=${TRACE_DIR:-$traces}
if [[ $(id -u) == 0 ]]; then  # the server refuses to run as root
  as_postgres=(runuser -u postgres --)
  chown -R postgres "$scratch"
fi
chmod 755 "$scratch"
echo "joins, sorts and aggregates on 120000 rows, work_mem 64 MB"
"${as_postgres[@]}" env PATH="$binaries:$PATH" TMPDIR="$scratch" \
  "$vcompound" record --min-size 16KiB --level 19 -o "$scratch/postgres.csv.zst" -- \
  bash "$scratch/session.sh" "$scratch"
cp "$scratch/postgres.csv.zst" "$trace_dir/postgres.csv.zst"
