#!/usr/bin/env bash
# ./run as the README says it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

./run --help | grep -q "./run demo" || fail "./run --help does not name ./run demo"

code=0
said=$(./run nonsense 2>&1) || code=$?
((code == 2)) || fail "./run nonsense ended with $code, not 2"
[[ $(wc -l <<<"$said") == 1 && $said == *nonsense* ]] || fail "./run nonsense said: $said"

rm -f demo.wav demo.ogg
./run demo || fail "./run demo ended with $?"
[[ -s demo.wav && -s demo.ogg ]] || fail "./run demo left no recording"
[[ $(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 demo.ogg) == opus ]] || fail "demo.ogg is not Opus"
echo "1 passed, 0 failed"
