#!/usr/bin/env bash
# The browsers of `make browsers`, and what drives them (docs/report.md):
#   tools/browsers.sh install           # as root, Debian, Ubuntu: the browsers, where they are missing
#   tools/browsers.sh around COMMAND... # the command with the browsers and the packages of npm, which
#                                       # are in a folder for so long, or in BENCH_NODE_MODULES; what
#                                       # cannot be had is told, and nothing is skipped where all is there
set -euo pipefail

install() {
  local missing=()
  command -v chromium google-chrome >/dev/null || missing+=(chromium)
  command -v firefox-esr firefox >/dev/null || missing+=(firefox-esr)
  if [ ${#missing[@]} = 0 ]; then return; fi
  local patience=(-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60)
  apt-get -qq "${patience[@]}" update
  DEBIAN_FRONTEND=noninteractive apt-get -qq "${patience[@]}" -y --no-install-recommends install \
    "${missing[@]}"
}

drivers() {  # into the folder $1
  npm install --prefix "$1" --no-save --ignore-scripts --no-audit --no-fund --fetch-retries=1 \
    --fetch-timeout=60000 puppeteer-core@24.43.1 axe-core@4.14.1
}

# What an installer says is of use where it failed, and its last line says most.
quietly() { # WHAT COMMAND...
  local what=$1 said; shift
  if said=$("$@" 2>&1 </dev/null); then return; fi
  echo "cannot install $what here, tests that need them are skipped: $(tail -n 1 <<<"$said")" >&2
  return 1
}

around() {
  local all=yes
  quietly "browsers" "$0" install || all=no
  if [ -z "${BENCH_NODE_MODULES:-}" ]; then
    BENCH_NODE_MODULES=$(mktemp -d)
    trap 'rm -rf "$BENCH_NODE_MODULES"' EXIT
    export BENCH_NODE_MODULES
    quietly "packages of npm" drivers "$BENCH_NODE_MODULES" || all=no
  fi
  if [ $all = yes ]; then export BENCH_BROWSERS=1; fi
  "$@"
}

case ${1:-} in
  install) install ;;
  around) shift; around "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
