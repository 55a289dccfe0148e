#!/bin/sh
# Installs what a bare Debian 12 lacks, and returns at once when nothing is missing.
#   packages.sh build   compiler, libraries, and the dig of the quickstart
#   packages.sh test    all of that, and the programs the tests run (default)
# Works as root or through sudo. Installed services are not started: the tests start their own.
set -eu

BUILD="build-essential cmake ninja-build ccache lld pkgconf ca-certificates
  libuv1-dev liblua5.4-dev libfmt-dev libexpected-dev libabsl-dev libxxhash-dev libre2-dev
  nlohmann-json3-dev libsodium-dev libedit-dev libmicrohttpd-dev libcap-dev libsystemd-dev
  libssl-dev libnghttp2-dev libldns-dev liblmdb-dev libcdb-dev libmaxminddb-dev
  libfstrm-dev libprotozero-dev libbpf-dev libgtest-dev libgmock-dev libbenchmark-dev
  bind9-dnsutils"
TEST="clang clang-format clang-tidy libclang-rt-14-dev python3 python3-dnspython python3-nacl universal-ctags git curl procps
  nghttp2-client haproxy nginx-light unbound knot-resolver openssl chromium
  nsd dnsdist pdns-server pdns-backend-sqlite3 sqlite3 knot-dnsutils dnsperf util-linux
  lmdb-utils tinycdb mmdb-bin protobuf-compiler python3-protobuf fstrm-bin dnstap-ldns faketime"

case "${1:-test}" in
  build) wanted=$BUILD ;;
  test) wanted="$BUILD $TEST" ;;
  *) echo "usage: $0 [build|test]" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086  # a list of words
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
  sed -n 's/ installed$//p' || true)
missing=""
for package in $wanted; do
  printf '%s\n' "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "$0: run as root, or install sudo; missing:$missing" >&2; exit 1; }
  as_root="sudo"
fi

# dpkg asks this script before it starts a service; 101 means no. What was there comes back.
policy=/usr/sbin/policy-rc.d
saved=""
restore() {
  $as_root rm -f "$policy"
  if [ -n "$saved" ]; then $as_root mv "$saved" "$policy"; fi
}
if [ -e "$policy" ]; then
  saved="$policy.before-breakwater"
  $as_root mv "$policy" "$saved"
fi
trap restore EXIT
trap 'exit 1' INT TERM
printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086  # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
