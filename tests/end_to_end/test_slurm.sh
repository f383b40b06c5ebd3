#!/usr/bin/env bash
# slurm/train.sbatch and slurm/retrain.sbatch on a real (throwaway) Slurm, under srun and mpirun:
# signalled, they stop, are queued again, go on and end as COMPLETED; a failure is not queued again;
# a round of retraining queues the next one, once.
#
# The program is a stand-in that works for a while, one unit after the other, and obeys segue's exit
# status: what is tested here are the batch files. Last comes segue itself, under both launchers,
# with equal hashes. The signal comes from the test; that Slurm sends it ahead of the limit takes
# a minute and is left to SEGUE_TEST_SLOW=1.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
source=${SEGUE_SOURCE:-$(cd -- "$here/../.." && pwd -P)}
PATH=$PATH:/usr/sbin:/sbin

for tool in slurmctld slurmd munged sbatch mpirun; do
  command -v "$tool" >/dev/null || {
    echo "skipped: $tool is not installed (Debian: slurm-wlm munge)"
    exit 77
  }
done

# Munge's socket wants a short path, so not the build folder; it is removed below.
work=$(mktemp -d "${TMPDIR:-/tmp}/segue.XXXXXX")
trap '"$here/mini_slurm.sh" down "$work/s" || true; rm -rf "$work"' EXIT
"$here/mini_slurm.sh" up "$work/s"
export SLURM_CONF=$work/s/slurm.conf

fail() {
  echo "failed: $*"
  echo '--- queue'
  squeue || true
  for log in "$work"/*.log; do echo "--- $log" && cat "$log"; done
  exit 1
}

# A checkout in miniature, so that nothing is written into the real one.
mkdir -p "$work/checkout"
cp -r "$source/slurm" "$source/scripts" "$source/configs" "$work/checkout/"
cd "$work/checkout"
cat >stand_in <<'STAND_IN'
#!/usr/bin/env bash
# stand_in run NAME UNITS STATUS: a unit is a line of NAME.units, a tenth of a second long.
trap 'exit 75' USR1
name=$2 units=$3 status=$4
[ "${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-0}}" = 0 ] && first=yes
[ "${first:-}" != yes ] || echo start >>"$name.starts"
while [ "$(cat "$name.units" 2>/dev/null | wc -l)" -lt "$units" ]; do
  sleep 0.1 &
  wait $!
  [ "${first:-}" != yes ] || echo unit >>"$name.units"
done
exit "$status"
STAND_IN
chmod +x stand_in
program=${SEGUE:-$source/build/release/segue}
export SEGUE=$PWD/stand_in

# await WHAT SECONDS COMMAND...: until the command succeeds.
await() {
  local what=$1 i
  for ((i = 0; i < $2 * 5; i++)); do
    if "${@:3}"; then return 0; fi
    sleep 0.2
  done
  fail "$what: not within $2 s"
}
state() { scontrol show job "$1" 2>/dev/null | sed -n 's/^ *JobState=\([A-Z]*\).*/\1/p'; }
in_state() { [ "$(state "$1")" = "$2" ]; }
has_units() { [ -f "$1.units" ] && [ "$(wc -l <"$1.units")" -ge "$2" ]; }
starts() { wc -l <"$1.starts"; }
submit() { sbatch --parsable --ntasks=2 --output="$work/%x-%j.log" "$@"; }
# Slurm holds a job back for two minutes after a requeue. Asked to within a second, it refuses.
release() {
  sleep 2
  scontrol update "JobId=$1" StartTime=now
}

for launch in srun mpirun; do
  echo "train.sbatch under $launch"
  job=$(LAUNCH=$launch submit slurm/train.sbatch "$launch" 60 0)
  await "$launch: first units" 20 has_units "$launch" 5
  scancel --batch --signal=USR1 "$job"
  await "$launch: back in the queue" 20 in_state "$job" PENDING
  has_units "$launch" 60 && fail "$launch: was not stopped"
  release "$job"
  await "$launch: done" 30 in_state "$job" COMPLETED
  [ "$(starts "$launch")" = 2 ] || fail "$launch: $(starts "$launch") starts, not 2"
  grep -q 'start 0 of job' "$work/segue-$job.log" || fail "$launch: the log of the first start is lost"
  grep -q 'start 1 of job' "$work/segue-$job.log" || fail "$launch: no log of the second start"

  echo "a failure under $launch"
  job=$(LAUNCH=$launch submit slurm/train.sbatch "failure-$launch" 1 1)
  await "$launch: failure" 20 in_state "$job" FAILED
  [ "$(starts "failure-$launch")" = 1 ] || fail "$launch: a failed run was started again"
done

echo 'train.sbatch without a config'
job=$(submit slurm/train.sbatch)
await 'no config: failed' 20 in_state "$job" FAILED
grep -q 'which config' "$work/segue-$job.log" || fail 'no config: no message'

echo 'retrain.sbatch, three rounds'
job=$(LEFT=2 EVERY=1 submit slurm/retrain.sbatch again 1 0)
await 'retrain: first round' 20 in_state "$job" COMPLETED
await 'retrain: third round' 40 in_state "$((job + 2))" COMPLETED
[ "$(starts again)" = 3 ] || fail "retrain: $(starts again) rounds, not 3"
[ -z "$(squeue --noheader)" ] || fail 'retrain: a round too many'

echo 'segue itself'
export SEGUE=$program
for launch in srun mpirun; do
  job=$(LAUNCH=$launch submit slurm/train.sbatch configs/quick.json --run-dir "quick-$launch")
  await "$launch: segue" 100 in_state "$job" COMPLETED
  "$SEGUE" hash "quick-$launch" >"$launch.hash"
done
[ -s srun.hash ] || fail 'segue: no artifacts'
cmp srun.hash mpirun.hash || fail 'segue: srun and mpirun give other results'
# Without PMIx each task would be a world of its own.
status=0
srun --mpi=none --ntasks=2 "$SEGUE" run configs/quick.json --run-dir apart >"$work/apart.log" 2>&1 ||
  status=$?
[ "$status" = 2 ] || fail "segue: tasks that do not find each other: status $status, not 2"
grep -qF 'srun --mpi=pmix' "$work/apart.log" || fail 'segue: the fix is not named'

export SEGUE=$PWD/stand_in
if [ "${SEGUE_TEST_SLOW:-}" = 1 ]; then
  echo 'the signal ahead of the limit'
  job=$(submit --time=1 --signal=B:USR1@20 slurm/train.sbatch limit 400 0)
  await 'limit: started' 20 in_state "$job" RUNNING
  await 'limit: signalled and back in the queue' 100 in_state "$job" PENDING
  grep -q 'the time limit is near' "$work/segue-$job.log" || fail 'limit: no signal'
  release "$job"
  await 'limit: done' 100 in_state "$job" COMPLETED
fi
echo 'all right'
