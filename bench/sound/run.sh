#!/usr/bin/env bash
# Installs what is missing, builds the server, and makes docs/sound.md; arguments go to table.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/machine.sh
source scripts/machine.sh

sounds=/usr/share/asterisk/sounds
need_programs cargo gcc python3
need_packages cmake=cmake make=make ffmpeg=ffmpeg git=git janus=janus "$sounds/en_US_f_Allison"=asterisk-core-sounds-en-g722 \
    "$sounds/it_IT_m_Carlo"=asterisk-core-sounds-it-g722 "$sounds/fr_CA_f_June"=asterisk-core-sounds-fr-g722
python3 -c "import ensurepip" 2>/dev/null || need_packages /none=python3-venv
if ! cmp -s bench/sound/requirements.txt .venv-sound/requirements.txt; then
    say "making .venv-sound"
    python3 -m venv --clear .venv-sound
    .venv-sound/bin/pip install --quiet --disable-pip-version-check -r bench/sound/requirements.txt
    cp bench/sound/requirements.txt .venv-sound/
fi
if [[ " $* " != *" --server "* && " $* " != *" --help "* ]]; then
    say "building mixminus-server"
    cargo build --release --locked -p mixminus-server
    set -- --server "$release/mixminus-server" "$@"
fi
exec .venv-sound/bin/python bench/sound/table.py "$@"
