# Shared by scripts/demo, scripts/test and scripts/bench: makes .venv once per change of what is to be installed. Sourced, not run.
#
# setup EXTRAS: installs the package with these extras and the pinned constraints, or does nothing when that is done already.
# PYTHON names the interpreter to build with (default: the newest of python3.11 ... python3.14 or python3 that is >= 3.11).

setup() {
    local extras=$1 stamp wanted python
    stamp=.venv/.installed-$(printf '%s' "$extras" | tr ',' '-')
    wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return 0
    fi
    if [ ! -x .venv/bin/python ]; then
        python=$(find_python) || return 2
        echo "making .venv with $python"
        "$python" -m venv .venv || return 2
    fi
    echo "installing codeprimer[$extras] (a minute or two the first time)"
    # torch comes first and by its exact version, so that a CPU build that the index offers is taken and nothing pulls another.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch || return 2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[$extras]" || return 2
    printf '%s' "$wanted" > "$stamp"
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v "$candidate" > /dev/null 2>&1 &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    echo "error: Python >= 3.11 with venv is needed; set PYTHON to one" >&2
    return 2
}
