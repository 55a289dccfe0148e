#!/bin/bash
# Breakwater in front of a real nameserver, from nothing: installs what a bare Debian 12 lacks,
# builds, serves examples/zones/example.org.zone with NSD on a free port, puts Breakwater in
# front of it on another, and says what to ask. Ctrl-C stops both.
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
backend=$(free_port $((port + 1)))

work=$(mktemp -d)
pids=()
stop() {
  trap '' INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop EXIT
trap 'echo; echo "stopped"; exit 0' INT TERM

cat > "$work/nsd.conf" <<END
server:
  ip-address: 127.0.0.1@$backend
  username: ""
  zonesdir: "$PWD/examples/zones"
  database: ""
  pidfile: "$work/nsd.pid"
  xfrdfile: "$work/xfrd.state"
  zonelistfile: "$work/zone.list"
  xfrdir: "$work"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.org
  zonefile: example.org.zone
END

answers() { dig @127.0.0.1 -p "$1" +tries=1 +timeout=1 +short example.org SOA 2>/dev/null | grep -q ns1; }
wait_for() {  # NAME PID PORT LOG
  for _ in $(seq 100); do
    if answers "$3"; then return 0; fi
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "$1 did not start:"; cat "$4"; exit 1
}

PATH=$PATH:/usr/sbin
nsd -d -c "$work/nsd.conf" > "$work/nsd.log" 2>&1 &
pids+=($!)
wait_for NSD $! "$backend" "$work/nsd.log"
"$BREAKWATER" --supervised -C examples/quickstart.conf -l "127.0.0.1:$port" "127.0.0.1:$backend" \
  > "$work/breakwater.log" 2>&1 &
pids+=($!)
wait_for Breakwater $! "$port" "$work/breakwater.log"

cat <<END
NSD serves example.org on 127.0.0.1:$backend, Breakwater answers on 127.0.0.1:$port. Try:

  dig @127.0.0.1 -p $port www.example.org
  dig @127.0.0.1 -p $port example.org MX +tcp
  dig @127.0.0.1 -p $port nothing.example.org

Ask twice and see the TTL fall: the second answer comes from the cache. Ctrl-C stops both.
END
while kill -0 "${pids[0]}" 2>/dev/null && kill -0 "${pids[1]}" 2>/dev/null; do
  sleep 1 & wait $! || true
done
echo "a server ended by itself:"; tail "$work/nsd.log" "$work/breakwater.log"
exit 1
