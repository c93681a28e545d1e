#!/usr/bin/env bash
# A Docker engine where there is none yet, and Debian's slim image where no registry of images can be reached: what the
# gate needs on a bare Debian 12. Whoever has Docker needs none of it.
#
#   tools/docker_engine.sh start   installs Docker and an image registry from Debian where they are missing, and starts the
#                                  engine by hand where nobody did
#   tools/docker_engine.sh base    makes debian:bookworm-slim with debootstrap, unless the engine has it or can pull it
#
# The image carries what this machine itself needs to reach Debian and PyPI: its extra certificates, /etc/pip.conf and pip's
# settings from the environment. So the project's Dockerfiles stay plain.
set -euo pipefail

IMAGE=debian:bookworm-slim
LOG=${DOCKER_ENGINE_LOG:-/var/log/dockerd.log}

say() { printf 'docker_engine: %s\n' "$*"; }

fail() {
  say "$*" >&2
  exit 1
}

install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

has() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || return 1; done
}

answers() { docker info >/dev/null 2>&1; }

start() {
  has docker-registry || has registry || install docker-registry
  if answers; then
    say "an engine answers: $(docker version --format '{{.Server.Version}}')"
    return
  fi
  has dockerd docker iptables || install docker.io iptables
  # a session of its own, so that it outlives the shell that asked for it
  setsid nohup dockerd </dev/null >>"$LOG" 2>&1 &
  local second
  for second in $(seq 60); do
    if answers; then
      say "started after $second s: $(docker version --format '{{.Server.Version}}'); its log is $LOG"
      return
    fi
    sleep 1
  done
  tail -n 20 "$LOG" >&2
  fail "no Docker engine could be started; $LOG says why"
}

# What makes the slim image slim: https://github.com/debuerreotype/debuerreotype/blob/master/scripts/.slimify-excludes
slim_down() {
  local root=$1 folder
  {
    for folder in doc groff info linda lintian locale man; do printf 'path-exclude /usr/share/%s/*\n' "$folder"; done
    echo 'path-include /usr/share/doc/*/copyright'
  } >"$root/etc/dpkg/dpkg.cfg.d/docker"
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  for folder in groff info linda lintian locale man; do rm -rf "${root:?}/usr/share/$folder"/*; done
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/log/*.log
  printf 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAPT::Keep-Downloaded-Packages "false";\n' \
    >"$root/etc/apt/apt.conf.d/docker-clean"
}

# pip's settings of this machine, from /etc/pip.conf and PIP_*, without what names a folder of it
pip_settings() {
  python3 - <<'PYTHON'
import configparser
import os

read = configparser.RawConfigParser()
read.read("/etc/pip.conf")
found = dict(read["global"]) if read.has_section("global") else {}
print("[global]\ncert = /etc/ssl/certs/ca-certificates.crt")
for name in ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries"):
    words = os.environ.get("PIP_" + name.upper().replace("-", "_"), found.get(name, "")).split()
    if kept := [word for word in words if not word.startswith(("file:", "/"))]:
        print(f"{name} = {' '.join(kept)}")
PYTHON
}

# this machine's own way to Debian, PyPI and through its proxies' certificates
adopt_machine() {
  local root=$1 extra=/usr/local/share/ca-certificates setting
  if [ -n "$(ls -A $extra 2>/dev/null)" ]; then
    cp -r $extra/. "$root$extra/"
    chroot "$root" update-ca-certificates >/dev/null
  fi
  if [ -f "$root/etc/apt/sources.list.d/debian.sources" ]; then rm -f "$root/etc/apt/sources.list"; fi
  for setting in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do
    if [ -f "$setting" ]; then cp "$setting" "$root$setting"; fi
  done
  pip_settings >"$root/etc/pip.conf"
}

mirror() {
  local found
  # shellcheck disable=SC2016 # apt-get expands it
  found=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | awk '$2 == "bookworm" { print $1; exit }')
  echo "${found:-http://deb.debian.org/debian}"
}

write_sources() {
  local root=$1 site=$2
  rm -f "$root/etc/apt/sources.list"
  cat >"$root/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $site
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: ${site%/debian}/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
}

base() {
  answers || fail "no Docker engine answers; run: $0 start"
  if docker image inspect "$IMAGE" >/dev/null 2>&1; then
    say "the engine has $IMAGE"
    return
  fi
  if timeout 120 docker pull --quiet "$IMAGE" 2>/dev/null; then
    say "pulled $IMAGE"
    return
  fi
  has debootstrap || install debootstrap
  local root site
  root=$(mktemp -d)
  site=$(mirror)
  chmod 755 "$root" # it becomes the image's /
  # expanded now: root is gone when the trap runs
  # shellcheck disable=SC2064
  trap "rm -rf '$root'" EXIT
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$site" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; fail "debootstrap of $site failed"; }
  rm -f "$root.log"
  write_sources "$root" "$site"
  adopt_machine "$root"
  slim_down "$root"
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$IMAGE" >/dev/null
  say "made $IMAGE with debootstrap of $site: $(docker image inspect --format '{{.Size}}' "$IMAGE") bytes"
}

if [ "$(id -u)" != 0 ]; then exec sudo --preserve-env "$0" "$@"; fi
case "${1:-}" in
start) start ;;
base) base ;;
*) fail "usage: $0 start|base" ;;
esac
