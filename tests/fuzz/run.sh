#!/bin/bash
# Fuzzes every parser for a while; new inputs that reach new code go to build/fuzz-corpus.
#   tests/fuzz/run.sh SECONDS [TARGET...]   seconds for each target
# A crash leaves its input in build/fuzz-corpus/TARGET.crash-*: add it to tests/fuzz/corpus/TARGET,
# where the normal test run replays it from then on.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [TARGET...]}
shift
tests/support/packages.sh test
cmake --preset fuzz >/dev/null
targets=${*:-$(cd tests/fuzz && ls ./*_fuzz.cc | sed 's,^\./,,; s,\.cc$,,')}
status=0
for target in $targets; do
  cmake --build build/fuzz --target "$target" | tail -1
  mkdir -p "build/fuzz-corpus/$target"
  echo "== $target, $seconds s"
  build/fuzz/tests/fuzz/"$target" -max_total_time="$seconds" -max_len=65535 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="build/fuzz-corpus/$target." \
    "build/fuzz-corpus/$target" "tests/fuzz/corpus/$target" 2>&1 | tail -12 || status=1
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
done
exit $status
