#!/bin/sh
# Makes .venv match requirements.lock, with uv (fetched into .tools/ if it is missing). Quick when nothing changed.
#   deploy/bootstrap.sh           installs what is needed to run
#   deploy/bootstrap.sh --tests   also installs what the tests read documents with (pdftotext)
# Installs Debian packages only if they are missing and only if this user may, and says so first.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/requirements.lock

say() { echo "bootstrap: $*" >&2; }
quietly() { # quietly COMMAND…: its output only if it fails
    if said=$("$@" 2>&1); then return; fi
    echo "$said" >&2
    return 1
}
fail() { echo "bootstrap: $1" >&2; echo "bootstrap: fix: $2" >&2; exit 1; }

installed_apt_lists=
install() { # install PACKAGE WHY: with apt-get, saying so first
    if ! command -v apt-get >/dev/null || [ "${AFTERSALE_INSTALL:-yes}" = no ]; then
        fail "$1 is missing ($2)." "install $1 with your system's package manager"
    elif [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        fail "$1 is missing ($2), and this user may not install it." "sudo apt-get install --no-install-recommends $1"
    fi
    say "$1 is missing ($2): installing it with apt-get"
    if [ -z "$installed_apt_lists" ]; then
        quietly $as_root apt-get update -qq || say "apt-get update failed; trying with the existing package lists"
        installed_apt_lists=yes
    fi
    quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$1" ||
        fail "apt-get could not install $1." "sudo apt-get install --no-install-recommends $1"
}

find_python() { # the first Python of at least 3.11
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "There is no Python 3.11 or newer." "install one (Debian, Ubuntu: apt-get install python3), or name it: PYTHON=/path/to/python3"
}

find_uv() {
    if command -v uv; then
        return
    fi
    if [ ! -x .tools/bin/uv ]; then
        if ! "$1" -m pip --version >/dev/null 2>&1; then
            install python3-pip "to fetch uv, which makes the Python environment" >&2
            # Debian's pip belongs to Debian's Python; uv then works with any
            set -- /usr/bin/python3
        fi
        say "fetching uv into .tools/"
        quietly "$1" -m pip install --disable-pip-version-check --no-deps --require-hashes --target .tools -r deploy/uv.lock ||
            fail "uv could not be fetched." "check the network, or install uv yourself (https://docs.astral.sh/uv/)"
    fi
    echo .tools/bin/uv
}

if [ "${1:-}" = --tests ] && ! command -v pdftotext >/dev/null; then
    install poppler-utils "pdftotext, which the tests use to read documents"
fi
if [ "${1:-}" = --tests ] && ! command -v ip >/dev/null; then
    install iproute2 "ip, with which the tests count packets in a network of their own"
fi
if [ "${1:-}" = --tests ] && ! command -v npm >/dev/null; then
    install npm "Node with npm, whose library the tests verify webhooks with"
fi
if [ -x .venv/bin/python ] && cmp -s requirements.lock "$stamp"; then
    exit 0
fi
# One at a time: `make up` and `make test` of one clone may start in the same second. The second finds the work done.
mkdir -p .tools
if command -v flock >/dev/null; then
    exec 9>.tools/lock
    flock 9
    if [ -x .venv/bin/python ] && cmp -s requirements.lock "$stamp"; then
        exit 0
    fi
fi
python=$(find_python)
uv=$(find_uv "$python")
if ! .venv/bin/python -c '' 2>/dev/null; then
    say "making .venv with $("$python" --version)"
    "$uv" venv --quiet --clear --python "$python" .venv
fi
say "installing the packages in requirements.lock, verified by their hashes"
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock ||
    fail "The Python packages could not be installed." "check the network, then run it again"
cp requirements.lock "$stamp"
