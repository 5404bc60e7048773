#!/usr/bin/env bash
# redis-server with values of 16 KiB to 1 MiB: a cache of 384 MB that evicts, keys that are
# overwritten, appended to and deleted. On a Unix socket of its own, without files, stops by itself.
source "$(dirname "$0")/common.sh"
need redis-server redis-server
need redis-cli redis-tools

cat >"$scratch/load.lua" <<'END'
math.randomseed(20071003)
local piece = string.rep('x', 16384)
local function value(pieces) return string.rep(piece, pieces) end
for i = 1, 6000 do
  local key = 'key:' .. math.random(1, 2500)
  local dice = math.random()
  if dice < 0.15 then
    redis.call('DEL', key)
  elseif dice < 0.25 then
    redis.call('APPEND', key, value(math.random(1, 4)))
  elseif dice < 0.95 then
    redis.call('SET', key, value(math.random(1, 12)))
  else
    redis.call('SET', key, value(math.random(16, 64)))
  end
end
return redis.call('DBSIZE')
END

cat >"$scratch/session.sh" <<'END'
cd "$1"
redis-server --port 0 --unixsocket "$1/redis.sock" --save "" --appendonly no --maxmemory 384mb \
  --maxmemory-policy allkeys-lru --lazyfree-lazy-eviction yes --daemonize no --logfile "" \
  >"$1/redis.log" &
server=$!
# The client waits for the socket to answer; PING fails until the server listens.
until redis-cli -s "$1/redis.sock" PING >/dev/null 2>&1; do
  kill -0 "$server" || exit 3
done
redis-cli -s "$1/redis.sock" --eval "$1/load.lua"
redis-cli -s "$1/redis.sock" SHUTDOWN NOSAVE
wait "$server"
END

echo "6000 commands on redis-server, values of 16 KiB to 1 MiB, 384 MB at most"
record redis bash "$scratch/session.sh" "$scratch"
