#!/bin/bash
# Breakwater from nothing: installs what a bare Debian 12 lacks, builds, answers on a free port from
# the zone file examples/zones/example.org.zone, and says what to ask. Ctrl-C stops it.
# BREAKWATER names a program already built; then nothing is installed or built.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${BREAKWATER:-}" ]; then
  tests/support/packages.sh build
  echo "building, this takes a few minutes the first time ..."
  cmake --preset release >/dev/null
  cmake --build build/release --target breakwater | tail -1
  BREAKWATER=build/release/breakwater
fi

# A port is free if no socket of any kind has it; the first field of interest is ADDRESS:PORT in hex.
taken=$(awk 'FNR > 1 { sub(/.*:/, "", $2); print $2 }' /proc/net/{udp,udp6,tcp,tcp6} 2>/dev/null)
free_port() {
  local port=$1
  while grep -qix "$(printf %04x "$port")" <<< "$taken"; do port=$((port + 1)); done
  echo "$port"
}
port=$(free_port "${QUICKSTART_PORT:-5300}")

work=$(mktemp -d)
pid=""
stop() {
  trap '' INT TERM
  if [ -n "$pid" ]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap stop EXIT
trap 'echo; echo "stopped"; exit 0' INT TERM

answers() { dig @127.0.0.1 -p "$port" +tries=1 +timeout=1 +short example.org SOA 2>/dev/null | grep -q ns1; }

"$BREAKWATER" --supervised -C examples/quickstart.conf -l "127.0.0.1:$port" \
  > "$work/breakwater.log" 2>&1 &
pid=$!
for _ in $(seq 100); do
  if answers; then break; fi
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.1
done
answers || { echo "Breakwater did not start:"; cat "$work/breakwater.log"; exit 1; }

cat <<END
Breakwater answers on 127.0.0.1:$port from examples/zones/example.org.zone. Try:

  dig @127.0.0.1 -p $port www.example.org
  dig @127.0.0.1 -p $port example.org MX +tcp
  dig @127.0.0.1 -p $port nothing.example.org

Ask twice and see the TTL fall: the second answer comes from the cache. Change the zone file: what is
not in the cache is answered from the new one at once. Ctrl-C stops it.
END
wait "$pid" || true
echo "it ended by itself:"; tail "$work/breakwater.log"
exit 1
