#!/usr/bin/env bash
# A throwaway Slurm of one node on this machine, for tests and for trying a batch script:
#
#   tests/end_to_end/mini_slurm.sh up FOLDER     all of its state stands there; the path must be short
#   export SLURM_CONF=FOLDER/slurm.conf          then sbatch, srun, squeue, scontrol work
#   tests/end_to_end/mini_slurm.sh down FOLDER
#
# Needs slurmctld, slurmd and munged (Debian: slurm-wlm munge), not root, not systemd, not cgroups.
# MINI_SLURM_CPUS: the cores that the node says it has; default 4, whatever there are.
set -euo pipefail

fail() {
  echo "mini_slurm: $*" >&2
  exit 1
}

# The daemons' folder is not in every user's PATH.
PATH=$PATH:/usr/sbin:/sbin
[ $# = 2 ] || fail 'usage: mini_slurm.sh up|down FOLDER'
mkdir -p "$2"
folder=$(cd "$2" && pwd -P)
cpus=${MINI_SLURM_CPUS:-4}
export SLURM_CONF=$folder/slurm.conf

# Two of these at a time need different ports: taken from the process number.
port=$((20000 + $$ % 20000))

start_munge() {
  mkdir -p "$folder/munge"
  (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
  munged --force --num-threads=2 --key-file="$folder/munge/key" --seed-file="$folder/munge/seed" \
    --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
    --log-file="$folder/munge/log" >"$folder/munge.out" 2>&1 || {
    cat "$folder/munge.out" >&2
    fail 'munged did not start'
  }
}

write_config() {
  local host memory
  host=$(hostname -s)
  memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
  cat >"$SLURM_CONF" <<CONF
ClusterName=mini
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# Processes are found by /proc, memory is not limited, nothing is accounted for.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=pmix
PropagateResourceLimits=NONE
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# Jobs start at once instead of at the next look at the queue.
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=200000,bf_interval=2
# Ended jobs can still be asked for.
MinJobAge=600
KillWait=5
ReturnToService=2
# The node may claim more cores than the machine has.
SlurmdParameters=config_overrides
NodeName=mini NodeAddr=127.0.0.1 NodeHostname=$host Port=$((port + 1)) CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  echo 'CgroupPlugin=cgroup/v1' >"$folder/cgroup.conf"
}

up() {
  chmod 0755 "$folder" # munge and Slurm refuse folders that others may write to
  mkdir -p "$folder/state" "$folder/spool"
  write_config
  start_munge
  slurmctld -c -f "$SLURM_CONF" || fail 'slurmctld did not start'
  slurmd -f "$SLURM_CONF" -N mini || fail 'slurmd did not start'
  local i
  for i in $(seq 100); do
    [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" != 1 ] || return 0
    sleep 0.1
  done
  tail -n 5 "$folder"/*.log >&2
  fail "the node is not ready after $((i / 10)) s"
}

# By the numbers that the daemons wrote down; waits until each is gone.
down() {
  local file pid
  timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
  for file in "$folder/slurmd.pid" "$folder/slurmctld.pid" "$folder/munge/pid"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    if kill -9 "$pid" 2>/dev/null; then echo "mini_slurm: $file had to be killed" >&2; fi
  done
  rm -rf "$folder"
}

case $1 in
  up) up ;;
  down) down ;;
  *) fail "\"$1\" is neither up nor down" ;;
esac
