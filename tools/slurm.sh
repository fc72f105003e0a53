#!/usr/bin/env bash
# A Slurm of one machine, without systemd, for the tests: as root,
#   tools/slurm.sh install    # Debian, Ubuntu: the packages, where they are missing
#   tools/slurm.sh start      # prints the line that tells commands of it: export SLURM_CONF=...
#   tools/slurm.sh stop
#   tools/slurm.sh around COMMAND...    # the command with a Slurm: the one that answers already, or
#                                       # one from here for so long; where none can be, that is told
set -euo pipefail
home=${BENCH_SLURM:-/run/bench-slurm}
conf=$home/slurm.conf
# What tells a folder that `start` has made, which alone is written to and removed.
mark=$home/.made-by-bench

up() { [ -s "$conf" ] && SLURM_CONF=$conf sinfo -h -o %T 2>/dev/null | grep -qE 'idle|mixed|allocated'; }

# Whether commands of Slurm's have one here that is not of this script's, as on a cluster.
answers() { [ -n "$(timeout 20 sinfo -h 2>/dev/null)" ]; }

install() {
  local each there=yes
  for each in slurmctld slurmd munged sbatch; do command -v $each >/dev/null || there=no; done
  if [ $there = yes ]; then return; fi
  local patience=(-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60)
  apt-get -qq "${patience[@]}" update
  DEBIAN_FRONTEND=noninteractive apt-get -qq "${patience[@]}" -y --no-install-recommends install \
    munge slurmctld slurmd slurm-client >/dev/null
}

start() {
  if up; then echo "export SLURM_CONF=$conf"; return; fi
  stop
  mkdir -p "$home"
  : > "$mark"
  mkdir "$home"/{munge,state,spool}
  chmod 755 "$home"
  head -c 1024 /dev/urandom > "$home/munge/key"
  chown -R munge: "$home/munge"
  chmod 711 "$home/munge"
  chmod 400 "$home/munge/key"
  # Two jobs a core: those that wait are tested, not the speed of those that run.
  cores=$(( 2 * $(getconf _NPROCESSORS_ONLN) ))
  memory=$(( $(awk '/MemTotal/ { print $2 }' /proc/meminfo) / 1024 ))
  cat > "$conf" <<CONF
ClusterName=bench
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$home/munge/socket
SlurmctldPort=36817
SlurmdPort=36818
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=1000
MinJobAge=30
KillWait=2
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  setpriv --reuid=munge --regid=munge --clear-groups munged --key-file="$home/munge/key" \
    --socket="$home/munge/socket" --pid-file="$home/munge/pid" --log-file="$home/munge/log" \
    --seed-file="$home/munge/seed"
  SLURM_CONF=$conf slurmctld -f "$conf"
  SLURM_CONF=$conf slurmd -f "$conf" -N localhost
  for _ in $(seq 600); do
    if up; then break; fi
    sleep 0.1
  done
  # A Slurm that is up and runs nothing is none.
  if ! SLURM_CONF=$conf timeout 60 srun --quiet --chdir=/ true; then
    echo "slurm did not come up:" >&2
    tail -n 5 "$home"/*.log "$home/munge/log" >&2 || true
    exit 1
  fi
  echo "export SLURM_CONF=$conf"
}

# Run a command with a Slurm, or without: what it wants one for it skips. Its exit code is this one's.
around() {
  if ! answers; then
    local told=""
    if [ "$(id -u)" != 0 ]; then
      echo "no Slurm here, and only root can start one: what wants one is skipped" >&2
    else
      if ! up; then trap '(stop) || true' EXIT; fi # whoever started one ends it
      if timeout -k 10 180 "$0" install && told=$(timeout -k 10 180 "$0" start); then
        eval "$told"
      else
        echo "no Slurm here, it cannot be installed or started: what wants one is skipped" >&2
      fi
    fi
  fi
  "$@"
}

# Whether a process still runs; one that nobody has asked about yet (a zombie) does not.
runs() { grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }

# End the daemon of this name, whose number is in a file, and wait until it has ended.
end() {
  local pid
  pid=$(cat "$2" 2>/dev/null) || return 0
  # The number may be another process's by now.
  if ! grep -qs "$1" "/proc/$pid/cmdline"; then return 0; fi
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 600); do
    if ! runs "$pid"; then return 0; fi
    sleep 0.1
  done
  echo "$1 (process $pid) does not end" >&2
  exit 1
}

stop() {
  if [ ! -f "$mark" ]; then
    if [ -z "$(ls -A "$home" 2>/dev/null)" ]; then return; fi
    echo "$home is no folder of this script's: it is left as it is" >&2
    exit 1
  fi
  end slurmd "$home/slurmd.pid"
  end slurmctld "$home/slurmctld.pid"
  end munged "$home/munge/pid"
  rm -rf "${home:?}"
}

case $home in
  /*) ;;
  *) echo "BENCH_SLURM=$home: an absolute path" >&2; exit 2 ;;
esac
case ${1:-} in
  install | start | stop | up) "$1" ;;
  around) shift; around "$@" ;;
  *) sed -n '2,7p' "$0"; exit 2 ;;
esac
