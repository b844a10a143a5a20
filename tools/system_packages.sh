#!/bin/bash
# Installs the system programs that the tests and the bench drive, where that is possible and something is missing.
#
#   tools/system_packages.sh test     real mail clients, DNS servers, mail filters, a clock that can be set, and Dovecot and Postfix
#   tools/system_packages.sh bench    the peers of the bench, a C compiler, strace
#   tools/system_packages.sh venv     what `python3 -m venv` needs
#
# Never removes a package, never asks a question, never starts a service. What cannot be had is said in one line and
# is not an error: tests that need an absent program skip, and say so.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

CLIENTS="swaks msmtp isync getmail6 fetchmail mpop mutt neomutt aerc alpine offlineimap3 sieve-connect thunderbird curl openssl"
NAMES="nsd knot unbound bind9-utils iproute2 libfaketime"
FILTERS="opendkim python3-milter"
PEERS="dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve dovecot-managesieved dovecot-submissiond postfix"

case "${1:-test}" in
  test) wanted="$CLIENTS $NAMES $FILTERS $PEERS" ;;
  bench) wanted="$PEERS gcc libc6-dev libssl-dev strace util-linux e2fsprogs openssl" ;;
  venv) wanted="python3-venv python3-pip" ;;
  *) echo "usage: $0 test|bench|venv" >&2; exit 2 ;;
esac

say() { echo "system packages: $*"; }

if ! command -v dpkg-query >/dev/null; then
  say "not a Debian system; skipped ($wanted)"
  exit 0
fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=""
for package in $wanted; do installed "$package" || missing="$missing $package"; done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
  say "not root; skipped:$missing (install them by hand to run every test)"
  exit 0
fi

# Packages such as dovecot would start a server on the standard ports at once: nobody asked for that.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=1
fi
trap '[ -n "$made_policy" ] && rm -f "$policy"' EXIT

if command -v debconf-set-selections >/dev/null; then
  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
fi

log=$(mktemp /tmp/courriel-apt.XXXXXX)
options="-y --no-remove --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300"

say "installing:$missing"
# shellcheck disable=SC2086
if ! apt-get install $options $missing >"$log" 2>&1; then
  apt-get update -qq >>"$log" 2>&1
  # shellcheck disable=SC2086
  if ! apt-get install $options $missing >>"$log" 2>&1; then
    # One by one, so that one package that cannot be had does not cost the others.
    for package in $missing; do
      # shellcheck disable=SC2086
      apt-get install $options "$package" >>"$log" 2>&1 || true
    done
  fi
fi

absent=""
for package in $missing; do installed "$package" || absent="$absent $package"; done
if [ -n "$absent" ]; then
  say "could not be installed:$absent (log: $log); tests that need them skip"
else
  rm -f "$log"
fi
exit 0
