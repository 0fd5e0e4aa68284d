# shellcheck shell=bash
# What ./run and ./test share: sourced by bash, with the repository's root as the current folder.

# Where cargo puts what it builds.
target=${CARGO_TARGET_DIR:-target}
# shellcheck disable=SC2034 # for those who source this
release=$target/release

fail() {
    echo "$0: $*" >&2
    exit 1
}

say() {
    echo "--- $*" >&2
}

# need_programs PROGRAM…: those must be there already, because nobody can say which version is wanted.
need_programs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "$program is missing; the README says what this needs"
    done
}

# need_packages TEST=PACKAGE…: installs by apt-get each Debian package whose test (a program, or the
# path of a file) is not there.
need_packages() {
    local pair test missing=()
    for pair in "$@"; do
        test=${pair%%=*}
        if [[ $test == /* ]]; then
            [[ -e $test ]] || missing+=("${pair#*=}")
        else
            command -v "$test" >/dev/null || missing+=("${pair#*=}")
        fi
    done
    ((${#missing[@]})) || return 0
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "please install: ${missing[*]}"
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || fail "please install: ${missing[*]}"
    say "installing ${missing[*]}"
    # A failing update does not matter while the packages are still found.
    "${as_root[@]}" apt-get update -qq >/dev/null || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" </dev/null >/dev/null || fail "apt-get could not install ${missing[*]}"
}

# The packages of web-client, once for each package-lock.json.
need_node_modules() {
    local stamp=web-client/node_modules/.package-lock.json
    [[ -e $stamp && ! web-client/package-lock.json -nt $stamp ]] && return 0
    say "npm ci in web-client"
    (cd web-client && npm ci --no-audit --no-fund --loglevel=error)
}

# The web client as the server embeds it; built again only when something of it has changed.
build_web_client() {
    local built=web-client/dist/index.html
    if [[ -e $built ]] && [[ -z $(find web-client/src web-client/public web-client/*.* -newer "$built" -type f -print -quit) ]]; then
        return 0
    fi
    say "building the web client"
    (cd web-client && npm run --silent build)
}

# Ends when standard input has a line `listening on URL`, and prints the URL.
listening_url() {
    local line
    IFS= read -r -t 30 line || return 1
    [[ $line == "listening on "* ]] || return 1
    echo "${line#listening on }"
}
