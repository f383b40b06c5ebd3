#!/usr/bin/env bash
# The scripts around the program, in a checkout in miniature: what they print, what they refuse, and
# that what the user has set wins.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source=${SEGUE_SOURCE:-$(cd -- "$here/../.." && pwd -P)}

work=$(mktemp -d "$PWD/scripts.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/checkout" "$work/bin"
cp -r "$source/scripts" "$work/checkout/"
cd "$work"

fail() {
  echo "failed: $*"
  echo '--- output' && cat "$work/out"
  echo '--- messages' && cat "$work/err"
  exit 1
}
# Runs a command with nothing but PATH and HOME in the environment; its end status has to be the
# first argument.
expect() {
  local status=0
  env -i PATH="${path:-$PATH}" HOME=/nonexistent "${@:2}" >"$work/out" 2>"$work/err" || status=$?
  [ "$status" = "$1" ] || fail "${*:2}: status $status, not $1"
}
prints() { grep -qF -e "$1" "$work/out" || fail "stdout lacks \"$1\""; }
says() { grep -qF -e "$1" "$work/err" || fail "stderr lacks \"$1\""; }

echo 'env'
expect 0 checkout/scripts/env
[ ! -s "$work/err" ] || fail 'scripts/env has something to say on stderr'
prints "export OMPI_MCA_orte_execute_quiet='1'"
prints "export OMPI_MCA_mpi_yield_when_idle='1'"
prints "export OMPI_MCA_btl='self,vader'"
if grep -v -e '^#' -e "^export [A-Z_a-z]*='[a-z0-9,:]*'\$" "$work/out"; then
  fail 'scripts/env prints something that is neither a comment nor a simple export'
fi
if [ "$(id -u)" = 0 ]; then
  prints 'export OMPI_ALLOW_RUN_AS_ROOT='
elif grep -q RUN_AS_ROOT "$work/out"; then
  fail 'RUN_AS_ROOT for a user'
fi
expect 0 env OMPI_MCA_btl=tcp,self OPENBLAS_NUM_THREADS= checkout/scripts/env
if grep -e '^export OMPI_MCA_btl=' -e '^export OPENBLAS_NUM' "$work/out"; then
  fail 'what the user has set was overwritten'
fi
expect 0 checkout/scripts/env 1
expect 0 env SLURM_JOB_ID=1 SLURM_JOB_NUM_NODES=2 checkout/scripts/env 64
if grep -e 'OMPI_MCA_btl=' -e binding -e oversubscribe "$work/out"; then
  fail 'on several nodes the network is needed, and Slurm binds'
fi
expect 1 checkout/scripts/env 1.5
says 'is not a number of ranks'

echo 'bootstrap without apt, without sudo, on a machine that lacks everything'
for tool in bash env dirname basename sed grep xargs mkdir id tail cat; do
  ln -s "$(command -v "$tool")" bin/
done
path=$work/bin
expect 0 checkout/scripts/bootstrap --list
prints libhdf5-openmpi-dev
expect 1 checkout/scripts/bootstrap
says 'there is no apt-get here'
says 'parallel HDF5'
says 'apt-get install build-essential'
if [ "$(id -u)" != 0 ]; then
  ln -s "$(command -v true)" bin/apt-get
  expect 1 checkout/scripts/bootstrap
  says 'there is no sudo here'
fi
path=''
expect 1 checkout/scripts/bootstrap --everything
says 'unknown argument'

echo 'data'
expect 1 env SEGUE_DATA=nowhere checkout/scripts/data
says "$work/nowhere/spotify_tracks_114k.csv cannot be read"
mkdir folder && echo 'some tracks' >folder/spotify_tracks_114k.csv
expect 0 env SEGUE_DATA=folder checkout/scripts/data
[ "$(cat "$work/out")" = "$work/folder" ] || fail 'stdout is not the absolute folder alone'
rm -f bin/*
cat >bin/curl <<'CURL'
#!/bin/sh
# A download that brings something else, or nothing.
[ "$BRINGS" != nothing ] || { echo 'no route to host' >&2; exit 6; }
while [ "$1" != --output ]; do shift; done
echo "$BRINGS" >"$2"
CURL
chmod +x bin/curl
path=$work/bin:$PATH
expect 3 env BRINGS=nothing checkout/scripts/data
says 'no route to host'
[ ! -e checkout/data ] || fail 'a failed download left data/ behind'
expect 3 env BRINGS=junk checkout/scripts/data
says 'another file'
[ ! -e checkout/data ] || fail 'a wrong download left data/ behind'
mkdir checkout/data && echo 'tracks of my own' >checkout/data/spotify_tracks_114k.csv
expect 0 env BRINGS=junk checkout/scripts/data
grep -q 'of my own' checkout/data/spotify_tracks_114k.csv || fail 'data of the user was overwritten'
path=''

echo 'help'
for script in bootstrap data env published quickstart test verify; do
  expect 0 "checkout/scripts/$script" --help
  grep -q . "$work/out" || fail "no help of $script"
  if grep -e '^#' -e 'set -' "$work/out"; then fail "the help of $script shows its source"; fi
done
echo 'all right'
