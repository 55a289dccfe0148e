#!/bin/bash
# Installs what is missing, builds, and runs the test suites; see tests/README.md.
#   tests/run.sh            all but the slow ones
#   tests/run.sh SUITE...   only these, in this order
#   tests/run.sh --list     the suites
# The last line is "N passed, N failed"; the exit status is 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1
logs=build/test-logs

suites="unit scenarios fuzz repo system differential asan tsan"
slow_suites="tidy"  # on demand
describe() {
  cat <<'END'
unit          test programs of proxy/ and lua/ (ctest, release build)
scenarios     scripted queries, replies and time on a manual clock
fuzz          every parser over its seed corpus
repo          the rules of the repository: sizes, layering, names, documents, examples
system        the real program with PowerDNS, NSD, dig, kdig, dnsperf
differential  the same configurations and queries through dnsdist 1.7.3
asan          build with ASan and UBSan: unit, scenarios, fuzz, system but for what measures
tsan          build with TSan: the same
tidy          (on demand) clang-tidy over every source, with the checks of .clang-tidy
END
}

# --- one build tree -------------------------------------------------------------------------

build() {  # PRESET [nice level]
  cmake --preset "$1" >/dev/null && nice -n "${2:-0}" cmake --build "build/$1"
}

# What ctest ran, as "passed failed": the cases of GoogleTest programs, and one for each other.
count_ctest() {  # PRESET
  awk '/^[0-9]+\/[0-9]+ Testing: / { cases = 0; bad = 0 }
       /^\[  PASSED  \] [0-9]+ test/ { cases = $4 }
       /^\[  FAILED  \] [0-9]+ test/ { bad = $4 }
       /^Test Passed\./ { passed += cases > 0 ? cases : 1 }
       /^Test Failed\./ { passed += cases; failed += bad > 0 ? bad : 1 }
       END { print passed + 0, failed + 0 }' "build/$1/Testing/Temporary/LastTest.log"
}

run_ctest() {  # COUNT_FILE PRESET ctest-options...
  local counts=$1 preset=$2 status; shift 2
  # Each caller's own directory: suites that run side by side must not share LastTest.log.
  rm -f "build/$preset/Testing/Temporary/LastTest.log"
  (cd "build/$preset" && ctest --output-on-failure --no-tests=error --timeout 300 "$@")
  status=$?
  count_ctest "$preset" >> "$counts"
  return $status
}

one_unittest() {  # COUNT_FILE file: its output in one piece, as others may run beside it
  local output status
  output=$(mktemp)
  /usr/bin/python3 "$2" -v > "$output" 2>&1
  status=$?
  (
    flock 9
    awk '/^Ran [0-9]+ test/ { ran = $2 }
         /^FAILED \(/ { while (match($0, /(failures|errors)=[0-9]+/)) {
             split(substr($0, RSTART, RLENGTH), part, "="); failed += part[2]
             $0 = substr($0, RSTART + RLENGTH) } }
         END { if (ran == "") failed = 1
               print (ran > failed ? ran - failed : 0), failed + 0 }' "$output" >&9
    echo "=== $2"
    cat "$output"
  ) 9>> "$1"
  rm -f "$output"
  return $status
}
export -f one_unittest

# What measures times or rates, or takes the whole machine, runs by itself behind the others.
alone='/(churn|failover|flood_bounds|neighbours|outage|outages|zone_files)_test\.py$'

run_unittest() {  # COUNT_FILE file...
  local counts=$1 status=0; shift
  printf '%s\n' "$@" | grep -vE "$alone" |
    xargs -r -P2 -I{} bash -c 'one_unittest "$1" "$2"' - "$counts" {} || status=1
  while read -r file; do
    one_unittest "$counts" "$file" < /dev/null || status=1
  done < <(printf '%s\n' "$@" | grep -E "$alone")
  return $status
}

# --- the suites -----------------------------------------------------------------------------

suite_unit() { run_ctest "$1" release -j2 -E '^scenarios$|_fuzz$|^repo_test$'; }
suite_scenarios() { run_ctest "$1" release -R '^scenarios$'; }
suite_fuzz() { run_ctest "$1" release -j2 -R '_fuzz$'; }
suite_repo() { run_unittest "$1" tests/repo_test/repo_test.py; }
suite_system() { run_unittest "$1" tests/system/*_test.py; }
suite_differential() { run_unittest "$1" tests/system/differential/*_test.py; }
# UBSan asks with a pipe whether memory is there, and without descriptors takes it for gone.
suite_asan() { GTEST_FILTER='-HealthProbeTest.*Descriptors*:HealthProbeTest.AFirstCheckThatWasNotMade*' run_sanitized "$1" asan; }
# TSan holds a signal back until the thread makes a system call, so no alarm stops Lua there. Its own stack is not
# unwound when Lua raises an error (__longjmp_chk), and 20,000 of them take all memory.
suite_tsan() { GTEST_FILTER='-BudgetTest.*Stopped*:BudgetTest.CatchingTheErrorDoesNotHelp:ConfigurationTest.AnEndMakes*:FfiTest.EveryFunctionSurvivesEveryWrongArgument:ThreadsTest.*Stopped:WebPagesTest.*Stopped' run_sanitized "$1" tsan; }
suite_tidy() { run-clang-tidy -quiet -p build/release "^$PWD/(proxy|lua|bench)/"; }

run_sanitized() {  # COUNT_FILE PRESET
  build "$2" 5 || return 1
  local status=0
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  run_ctest "$1" "$2" -j2 -E '^repo_test$' || status=1
  BREAKWATER="$PWD/build/$2/breakwater" BREAKWATER_SANITIZED=$2 \
    run_unittest "$1" tests/system/*_test.py || status=1
  return $status
}

explain() {  # LOG: the failures of ctest, GoogleTest and unittest without their tracebacks
  sed -n '/^\(FAIL\|ERROR\): /,/^$/p' "$1" | grep -vE '^(Traceback|  File |    |---)' | cut -c1-300 | head -60
  grep -nE '\*\*\*(Failed|Exception|Timeout)|\[  FAILED  \]|: Failure$|error: |Sanitizer: ' "$1" | head -40
  tail -5 "$1"
}

run_suite() {  # NAME: log and counts in $logs, a line when it ends
  local begin=$SECONDS status passed failed
  : > "$logs/$1.counts"
  "suite_$1" "$logs/$1.counts" > "$logs/$1.log" 2>&1
  status=$?
  read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$logs/$1.counts")
  # A suite that ends badly without a failed case (a broken build, say) is one failure.
  [ $status = 0 ] || [ "$failed" -gt 0 ] || failed=1
  echo "$passed $failed" > "$logs/$1.counts"
  printf '%-13s %5d passed %4d failed %5d s\n' "$1" "$passed" "$failed" $((SECONDS - begin))
  if [ "$failed" -gt 0 ]; then
    echo "--- $logs/$1.log, what failed:"
    explain "$logs/$1.log"
  fi
}

# --- which, and in what order ---------------------------------------------------------------

case "${1:-}" in
  --list) describe; exit 0 ;;
  -*) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
chosen=${*:-$suites}
for suite in $chosen; do
  case " $suites $slow_suites " in *" $suite "*) ;; *) echo "no suite $suite; tests/run.sh --list" >&2; exit 2 ;; esac
done

begin=$SECONDS
tests/support/packages.sh test || exit 1
mkdir -p "$logs"
build release > "$logs/build.log" 2>&1 || {
  grep -E 'error|FAILED' "$logs/build.log" | head -40; tail -20 "$logs/build.log"
  echo "0 passed, 1 failed"; exit 1
}
echo "built in $((SECONDS - begin)) s"

for suite in $chosen; do run_suite "$suite"; done

total_passed=0 total_failed=0
for suite in $chosen; do
  read -r passed failed < "$logs/$suite.counts"
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
done
echo "all in $((SECONDS - begin)) s"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
