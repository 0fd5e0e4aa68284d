#!/usr/bin/env bash
# Installs what is missing, builds server and client, and makes docs/performance.md; arguments go to load.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/machine.sh
source scripts/machine.sh

need_programs cargo gcc python3
need_packages cmake=cmake make=make git=git janus=janus
python3 -c "import ensurepip" 2>/dev/null || need_packages /none=python3-venv
if ! cmp -s bench/sound/requirements.txt .venv-sound/requirements.txt; then
    say "making .venv-sound"
    python3 -m venv --clear .venv-sound
    .venv-sound/bin/pip install --quiet --disable-pip-version-check -r bench/sound/requirements.txt
    cp bench/sound/requirements.txt .venv-sound/
fi
if [[ " $* " != *" --server "* && " $* " != *" --again "* && " $* " != *" --help "* ]]; then
    say "building mixminus-server and mixminus"
    cargo build --release --locked -p mixminus-server -p mixminus-cli --bins --example floor
    set -- --server "$release/mixminus-server" --client "$release/mixminus" --floor "$release/examples/floor" "$@"
fi
exec .venv-sound/bin/python bench/load/load.py "$@"
