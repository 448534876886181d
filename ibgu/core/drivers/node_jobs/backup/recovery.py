"""The script with which a person takes a node back to its backup; the backup brings it along."""

RECOVERY_SCRIPT = r"""#!/bin/sh
# Takes a single node back to its backup. Written by ibgu; run it as root, on the node.
set -u
umask 077
usage() {
  cat << END
usage: $0 [--resume | --restart] [--force]
  --resume   go on, after the reboot or after an error
  --restart  begin again
  --force    even if the node runs another deployment than at the backup
END
  exit "$1"
}

how=start force=no
for option in "$@"; do
  case $option in
    --resume | --restart) how=${option#--} ;;
    --force) force=yes ;;
    --help) usage 0 ;;
    *) usage 2 ;;
  esac
done
# The folder that has the node's files: empty on a node.
root=${ROOT:-}
home=$(cd "$(dirname "$0")" && pwd)
if [ -e "$home/backup.env" ]; then home=$(dirname "$home"); fi
backup=$home/current
# The phases that are over, a line each.
state=$home/recovery
kubeconfigs=$root/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs
KUBECONFIG=${KUBECONFIG:-$kubeconfigs/localhost.kubeconfig}
export KUBECONFIG

say() {
  printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"
}

fail() {
  say "$*" >&2
  exit 1
}

is_over() {
  grep -qs "^$1" "$state"
}

boot() {
  cat "$root/proc/sys/kernel/random/boot_id"
}

permissive() {
  setenforce 0 || fail "SELinux can't be set to permissive"
  trap 'setenforce 1' EXIT
}

# restore FOLDER [OPTION...]: makes it what it was, and deletes what came since.
restore() {
  folder=$1
  shift
  say "restores $folder"
  rsync -aAXHx --numeric-ids --checksum --delete "$@" "$backup/files$folder/" "$root$folder/" ||
    fail "$folder can't be restored"
}

# deployments: index, 1 if it runs, and checksum of each. The next boot takes the first one.
deployments() {
  ostree admin status | awk '/^[* ] [^ ]+ [0-9a-f]+\.[0-9]+/ {
    runs = ($1 == "*")
    print n++, runs + 0, runs ? $3 : $2
  }'
}

runs() {
  deployments | awk '$2 { print $3 }'
}

index_of() {
  deployments | awk -v sum="$1" '$3 == sum { print $1 }'
}

# select_deployment: makes the deployment of the backup the one that boots next, and changes nothing
# if it is that already: 'rpm-ostree rollback' would turn back what it did before.
select_deployment() {
  was=$(sed -n 's/^deployment=//p' "$backup/backup.env")
  if [ "$(runs)" = "$was" ] || [ "$force" = yes ]; then return; fi
  index=$(index_of "$was")
  [ -n "$index" ] || fail "the node runs deployment $(runs), and that of the backup, $was, is gone"
  if [ "$index" != 0 ] && ! ostree admin set-default "$index"; then
    # An older ostree has no such command. A rollback takes the second one, if the first runs.
    [ "$index $(index_of "$(runs)")" = "1 0" ] && rpm-ostree rollback
  fi
  [ "$(index_of "$was")" = 0 ] ||
    fail "the node runs deployment $(runs), and that of the backup, $was, can't be made the default"
  say "the next boot takes the deployment of the backup. Reboot the node (systemctl reboot), then \
run: $0"
  exit 0
}

disable_kubelet() {
  systemctl disable kubelet.service || fail "kubelet can't be disabled"
}

restore_files() {
  permissive
  # A reboot in the middle must not start kubelet on files of which only some are restored.
  disable_kubelet
  say "stops all containers"
  systemctl stop kubelet.service || fail "kubelet can't be stopped"
  # An earlier try may have stopped CRI-O already: crictl has nobody to ask then.
  if systemctl is-active --quiet crio.service; then
    crictl rmp --all --force || fail "pods can't be removed"
  fi
  systemctl stop crio.service || fail "CRI-O can't be stopped"
  crio wipe --force || fail "CRI-O's storage can't be wiped"
  restore /usr/local
  restore /etc --exclude-from="$backup/etc.exclude"
  say "restores the other files of the MachineConfig"
  rsync -aAXH --numeric-ids --checksum --no-implied-dirs --files-from="$backup/managed" \
    "$backup/files/" "$root/" || fail "files of the MachineConfig can't be restored"
  # The /etc of the backup enables it, and its own files are restored only after the reboot.
  systemctl daemon-reload || fail "systemd can't read its units again"
  disable_kubelet
  printf 'files %s\n' "$(boot)" >> "$state"
  say "the files are restored. Reboot the node (systemctl reboot), then run: $0 --resume"
}

CONTAINERS="etcd etcd-operator kube-apiserver-operator kube-controller-manager-operator
kube-scheduler-operator-container"

running() {
  crictl ps --quiet --state Running --name "^$1\$" 2> /dev/null
}

# await WORDS COMMAND...: waits up to 20 minutes until the command succeeds.
await() {
  words=$1
  shift
  say "waits for $words"
  tries=120
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "gave up waiting for $words; find the cause, then run: $0 --resume"
    sleep 10
  done
}

# is_new CONTAINER: whether it runs, and not as it ran before.
is_new() {
  now=$(running "$1")
  [ -n "$now" ] && ! grep -qx "$1 $now" "$home/containers"
}

restore_cluster() {
  permissive
  systemctl stop kubelet.service || fail "kubelet can't be stopped"
  restore /var/lib/kubelet
  systemctl start crio.service || fail "CRI-O can't be started"
  for name in $CONTAINERS; do printf '%s %s\n' "$name" "$(running "$name")"; done \
    > "$home/containers"
  say "restores etcd and the static pods"
  "$root/usr/local/bin/cluster-restore.sh" "$backup/cluster" || fail "cluster-restore.sh failed"
  systemctl restart kubelet.service && systemctl enable kubelet.service ||
    fail "kubelet can't be started"
  systemctl restart crio.service || fail "CRI-O can't be restarted"
  for name in $CONTAINERS; do await "the container $name" is_new "$name"; done
  rm -f "$home/containers"
  echo cluster >> "$state"
}

revision() {
  oc get "$1" cluster -o "jsonpath={.status.$2}" 2> /dev/null
}

is_reachable() {
  [ -n "$(revision "$1" latestAvailableRevision)" ]
}

is_redeployed() {
  now=$(revision "$1" 'nodeStatuses[0].currentRevision')
  [ -n "$now" ] && [ "$now" -gt "$2" ]
}

redeploy() {
  await "the API server" is_reachable "$1"
  latest=$(revision "$1" latestAvailableRevision)
  patch='{"spec": {"forceRedeploymentReason": "recovery-'$(date -u +%Y%m%d%H%M%S)'"}}'
  oc patch "$1" cluster --type=merge --patch "$patch" || fail "$1 can't be redeployed"
  await "a new revision of $1" is_redeployed "$1" "$latest"
  echo "redeployed-$1" >> "$state"
}

[ "$(id -u)" -eq 0 ] || fail "run this as root"
for each in backup.env cluster files/etc files/usr/local files/var/lib/kubelet; do
  [ -e "$backup/$each" ] || fail "$home has no whole backup: $each is missing"
done
exec 9>> "$home/.lock"
flock -n 9 || fail "a backup or another recovery is at work in $home"
case $how in
  start) [ ! -e "$state" ] || fail "a recovery has begun: run $0 with --resume or --restart" ;;
  resume) [ -e "$state" ] || fail "no recovery has begun: run $0" ;;
  restart) rm -f "$state" ;;
esac
if ! is_over files; then
  select_deployment
  echo begun >> "$state"
  restore_files
  exit 0
fi
! is_over "files $(boot)" || fail "reboot the node first (systemctl reboot), then run: $0 --resume"
is_over cluster || restore_cluster
for name in etcd kubeapiserver kubecontrollermanager kubescheduler; do
  is_over "redeployed-$name\$" || redeploy "$name"
done
rm -f "$state"
say "the node is back. Check it: oc get clusterversion,nodes,clusteroperators"
"""
