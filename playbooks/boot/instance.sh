#!/usr/bin/env bash
# What an instance does from its first breath to its last, master and worker alike: set its own end, get Docker and the
# image, run the image detached from this boot script, keep its exit status, shut down. The instance's shutdown behaviour
# is "terminate", so a shutdown ends the bill.
#
# It is given as user data with a header of exports (chartcoder.cloud.instances.user_data):
#   CHARTCODER_*          the stack's settings; CHARTCODER_RUN is the run this instance belongs to
#   CHARTCODER_ROLE       master or worker
#   CHARTCODER_IMAGE      by digest: what the stack was deployed with
#   CHARTCODER_LOG_GROUP  where the output goes, so that it outlives the instance
#   AWS_REGION
# Needs of the machine: systemd or util-linux's setsid; dnf or apt-get only where docker or aws is missing.
# Files are written below ${CHARTCODER_HOST_ROOT:-}/.
set -euo pipefail
umask 077

root=${CHARTCODER_HOST_ROOT:-}
home=$root/var/lib/chartcoder
logs=$root/var/log/chartcoder
role=$CHARTCODER_ROLE
image=$CHARTCODER_IMAGE
export DOCKER_CONFIG=$root/run/chartcoder/docker # the registry's token stays in memory, and goes when the image is here
mkdir -p "$home" "$logs" "$root/etc/chartcoder" "$DOCKER_CONFIG"

say() { printf '%s chartcoder %s: %s\n' "$(date -u +%FT%TZ)" "$role" "$*"; }

has_systemd() { [ -d "$root/run/systemd/system" ]; }

# An instance that cannot do its work must not wait for somebody to notice it.
end_if_failed() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    say "boot failed with status $status; shutting down"
    echo "$status" >"$home/exit-status"
    shutdown -h now
  fi
}
trap end_if_failed EXIT

# retry COMMAND...: about four minutes in all, for a registry or a network that is away for a moment
retry() {
  local pause
  for pause in 2 5 10 20 30 60 60 60; do
    if "$@"; then return 0; fi
    say "failed, again in $pause s: $1"
    sleep "$pause"
  done
  "$@"
}

# Whatever happens to everything else, this instance ends. Waits in memory, so that it needs nothing to work.
set_longest_life() {
  if has_systemd; then
    systemd-run --unit=chartcoder-longest-life --on-active="${CHARTCODER_LONGEST_LIFE_MINUTES}m" shutdown -h now
  else
    # shellcheck disable=SC2016 # the inner shell expands it
    nohup setsid sh -c 'sleep "$1" && shutdown -h now' sh $((CHARTCODER_LONGEST_LIFE_MINUTES * 60)) \
      </dev/null >/dev/null 2>&1 &
  fi
}

install_packages() {
  if command -v dnf >/dev/null; then
    dnf install -y -q "$@"
  else
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
  fi
}

ensure_docker() {
  if ! command -v docker >/dev/null; then
    if command -v dnf >/dev/null; then retry install_packages docker; else retry install_packages docker.io; fi
  fi
  if ! command -v aws >/dev/null; then retry install_packages awscli; fi
  if has_systemd; then systemctl enable --now docker; fi
}

log_in_to_registry() {
  aws ecr get-login-password --region "$AWS_REGION" |
    docker login --username AWS --password-stdin "${image%%/*}"
}

fetch_image() { log_in_to_registry && docker pull --quiet "$image"; }

ensure_image() {
  retry fetch_image
  rm -rf "$DOCKER_CONFIG"
}

# cloud-init keeps it in a file; where there is none, the metadata service is asked, by token (IMDSv2)
find_instance_id() {
  local kept=$root/var/lib/cloud/data/instance-id
  local service=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
  if [ -s "$kept" ]; then
    cat "$kept"
  else
    local token
    token=$(curl -sf --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$service/latest/api/token")
    curl -sf --retry 5 -H "X-aws-ec2-metadata-token: $token" "$service/latest/meta-data/instance-id"
  fi
}

# Runs in a process of its own, which outlives this script: see detach.
run_to_the_end() {
  trap 'shutdown -h now' EXIT
  trap 'docker stop --time=100 "chartcoder-$role"' TERM # finish or give back what is in hand
  local status=0 container
  docker run --rm --name="chartcoder-$role" --network=host --init --stop-timeout=100 \
    --read-only --tmpfs=/tmp:rw,nosuid,nodev,size=1g --cap-drop=ALL --security-opt=no-new-privileges --pids-limit=2048 \
    --log-driver=awslogs --log-opt=awslogs-region="$region" --log-opt=awslogs-group="$log_group" \
    --log-opt=awslogs-stream="$stream" --log-opt=mode=non-blocking --log-opt=max-buffer-size=8m \
    --env-file="$env_file" "$image" python -m "chartcoder.$role" &
  container=$!
  while :; do # a signal ends the wait, not the container
    if wait "$container"; then status=0; else status=$?; fi
    kill -0 "$container" 2>/dev/null || break
  done
  echo "$status" >"$home/exit-status"
  printf '%s chartcoder %s: ended with status %s; shutting down\n' "$(date -u +%FT%TZ)" "$role" "$status"
}

# cloud-init and systemd may end what a boot script leaves behind: the container's keeper is a unit of its own where
# the instance has systemd, and a session of its own where it has not.
detach() {
  local keeper=$home/run.sh
  {
    echo 'set -u'
    declare -p role image home region log_group stream env_file
    declare -f run_to_the_end
    echo run_to_the_end
  } >"$keeper"
  if has_systemd; then
    systemd-run --unit="chartcoder-$role" --collect --property=Type=exec --property=After=docker.service \
      --property=KillMode=mixed --property=TimeoutStopSec=120 \
      --property="StandardOutput=append:$logs/run.log" --property="StandardError=append:$logs/run.log" \
      bash "$keeper"
  else
    nohup setsid bash "$keeper" </dev/null >>"$logs/run.log" 2>&1 &
  fi
}

set_longest_life
ensure_docker
ensure_image
region=$AWS_REGION
log_group=$CHARTCODER_LOG_GROUP
stream=$CHARTCODER_RUN/$(find_instance_id)
env_file=$root/etc/chartcoder/env
env | grep -E '^(CHARTCODER|POWERTOOLS)_|^AWS_(DEFAULT_)?REGION=' >"$env_file"
detach
say "booted: $image runs"
