# What the scripts of this folder share. Sourced, never run.
# shellcheck shell=bash

# Every script works from any folder: all paths are relative to the checkout from here on.
caller_folder=$PWD
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$top" || exit
script=$(basename -- "$0")

# Progress goes to stderr, so that a script's stdout holds nothing but its answer.
say() { printf '%s: %s\n' "$script" "$*" >&2; }
die() {
  printf '%s: error: %s\n' "$script" "$*" >&2
  exit 1
}

# The text at the head of a script is its help: `usage` prints it without the comment signs.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$top/scripts/$script"; }

# Cores that this process may use: its affinity, and the quota of a container, which nproc ignores.
cores() {
  local n quota period
  n=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) # ranks run one thread, builds and tests do not
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    quota=$(((quota + period - 1) / period))
    [ "$quota" -ge "$n" ] || n=$quota
  fi
  echo "$((n > 0 ? n : 1))"
}

# absolute PATH: as seen from the folder in which the script was called.
absolute() {
  case $1 in
    /*) echo "$1" ;;
    *) echo "$caller_folder/$1" ;;
  esac
}

# quietly NAME COMMAND...: one progress line; the output goes to build/NAME.log and is shown, its
# last lines only, when the command fails. Ends the script then.
quietly() {
  local name=$1 start=$SECONDS log
  shift
  mkdir -p build
  log=build/${name// /-}.log
  if ! "$@" >"$log" 2>&1 </dev/null; then
    say "$name: failed; the end of $top/$log:"
    tail -n 40 "$log" >&2
    exit 1
  fi
  say "$name: done in $((SECONDS - start)) s"
}

# build PRESET: configure and compile into build/PRESET.
build() {
  local cache=build/$1/CMakeCache.txt
  # A checkout that was moved or copied brings a cache with the old place in it.
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$cache"; then
    rm -rf "build/$1/CMakeFiles" "$cache"
  fi
  quietly "configure $1" cmake --preset "$1"
  quietly "build $1" cmake --build "build/$1" --parallel "$(cores)"
}

# The environment that scripts/env prints, for this script. RANKS as there.
environment() {
  local lines
  lines=$("$top/scripts/env" "$@")
  eval "$lines"
}
