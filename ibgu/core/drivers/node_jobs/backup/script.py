"""The script of a backup's Job. It runs in the node's file system, where all its tools are.

Arguments: the form, the folder, the id of the run, and the release image of the update. Kubernetes
replaces two dollar signs in a row, and names of variables in parentheses, before a shell sees them:
the script has neither.
"""

BACKUP_SCRIPT = r"""
set -u
umask 077
form=$1 folder=$2 run=$3 release=$4
# The folder that has the node's files: empty on a node.
root=${ROOT:-}
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
KUBECONFIG=/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/localhost.kubeconfig
KUBECONFIG=$root$KUBECONFIG
export KUBECONFIG
home=$root$folder
new=$home/backup-$run
part=$new.part
# The deployment that the current backup has pinned.
former=
# The deployment that this run has pinned, until its backup is the current one.
pinned=
# The deployment whose pin is that of the backup of this run, made by it or by the former one. What
# somebody else has pinned, no backup unpins.
owns=

# remove FOLDER: a backup by ibgu, in this form. Others may have put folders beside it.
remove() {
  [ -L "$1" ] || ! grep -qsx "form=$form" "$1/backup.env" || rm -rf "$1"
}

# unpin DEPLOYMENT: pinned ones would fill /boot.
unpin() {
  index=$(deployments | awk -v sum="$1" '$3 == sum { print $1 }')
  [ -z "$index" ] || ostree admin pin --unpin "$index" || :
}

# discard FOLDER DEPLOYMENT: a backup, and what it has pinned, but for that deployment.
discard() {
  was=$(sed -n 's/^pinned=//p' "$1/backup.env" 2> /dev/null)
  if [ -n "$was" ] && [ "$was" != "$2" ]; then unpin "$was"; fi
  remove "$1"
}

# mark: writes by what ibgu knows the folder of this run as its own.
mark() {
  printf 'form=%s\nrun=%s\npinned=%s\n' "$form" "$run" "$pinned" > "$part/backup.env"
}

# pin: keeps the running deployment, for as long as there is a backup of it.
pin() {
  at=$(deployments | awk '$2 { print $1, $3 }')
  deployment=${at#* }
  [ -n "$at" ] || fail 6 "can't find the running deployment"
  if is_pinned; then
    [ "$former" != "$deployment" ] || owns=$deployment
  else
    pinned=$deployment
    owns=$deployment
  fi
  mark || fail_to_write
  ostree admin pin "${at% *}" || fail 6 "can't pin the running deployment"
}

is_pinned() {
  ostree admin status | awk '/^[* ] [^ ]+ [0-9a-f]+\.[0-9]+/ { runs = ($1 == "*") }
    runs && /Pinned: yes/ { found = 1 } END { exit !found }'
}

# begin: makes the folder of the new backup.
begin() {
  # An earlier try may have ended before the mark.
  rmdir "$part" 2> /dev/null || :
  mkdir "$part" && mark || {
    rmdir "$part" 2> /dev/null
    fail_to_write
  }
}

# fail CODE WORDS: the codes have words of their own where the report does not arrive.
fail() {
  code=$1
  shift
  [ -z "$pinned" ] || unpin "$pinned"
  [ "$code" -eq 4 ] || remove "$part"
  report "$*"
  exit "$code"
}

fail_to_write() {
  fail 2 "can't write to $folder"
}

# check_release: fails once the update has begun. A Job that is made again then must not replace the
# backup of the former release.
check_release() {
  for wait in 5 10 0; do
    found=$(oc get clusterversion version -o json | jq -r '.status |
      ([.conditions[]? | select(.type == "Progressing") | .status][0] // "unknown") + " " +
      (.history[0].state // "unknown") + " " + (.desired.image // "unknown")')
    [ -z "$found" ] || break
    sleep "$wait"
  done
  [ -n "$found" ] || fail 9 "can't read the ClusterVersion: the update may have begun"
  set -- $found
  [ "$1 $2" = "False Completed" ] || fail 9 "the cluster takes a release (Progressing is $1, the \
newest update is $2): a backup would be of neither release"
  # The same release may come from another registry.
  [ "${3##*@}" != "${release##*@}" ] || fail 9 "the cluster has the release of the update already"
}

# kib FOLDER...: what is in them, without what is mounted there.
kib() {
  du -skx "$@" 2> /dev/null | awk '{ all += $1 } END { print all + 0 }'
}

# need_space KIB: fails unless so much is left beside the backup.
need_space() {
  free=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
  [ "${free:-0}" -ge "$1" ] && return
  fail 3 "$folder has $((free / 1024)) MiB free, and a backup needs $((($1 + 1023) / 1024)) MiB"
}

# deployments: index, 1 if it runs, and checksum of each.
deployments() {
  ostree admin status | awk '/^[* ] [^ ]+ [0-9a-f]+\.[0-9]+/ {
    runs = ($1 == "*")
    print n++, runs + 0, runs ? $3 : $2
  }'
}

# copy FOLDER: with all attributes, without what is mounted in it. Files may go meanwhile (24).
copy() {
  report "copies $1"
  mkdir -p "$part/files$1" || fail 7 "can't write the copy of $1"
  for wait in 1 2 0; do
    rsync -aAXHx --numeric-ids --delete "$root$1/" "$part/files$1/"
    case $? in 0 | 24) return ;; esac
    sleep "$wait"
  done
  fail 7 "can't copy $1"
}

etcd_backup() {
  report "takes a snapshot of etcd"
  "$root/usr/local/bin/cluster-backup.sh" "$part/cluster" ||
    fail 5 "cluster-backup.sh failed: it does so while etcd or a kube-* operator is progressing"
  set -- "$part"/cluster/snapshot_*.db
  [ -s "$1" ] || fail 5 "cluster-backup.sh left no snapshot of etcd"
}

full_backup() {
  scripts=$root/etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts
  if grep -qs 'ALL_ETCD_ENDPOINTS=.*,' "$scripts/etcd.env"; then
    fail 8 "a full backup is for clusters of one node: use the form Etcd"
  fi
  set -- "$root/etc/" "$root/usr/local/" "$root/var/lib/kubelet/" "$root/var/lib/etcd/member/snap/"
  # 10 GiB more, for the images of the release.
  need_space "$(($(kib "$@") + 10 * 1024 * 1024))"
  begin
  pin
  etcd_backup
  copy /etc
  copy /usr/local
  copy /var/lib/kubelet
  managed_files
  # A recovery leaves alone what systemd makes in /etc, and the static pods, which come with etcd.
  printf '/.updated\n/kubernetes/manifests\n' > "$part/etc.exclude" &&
    cat "$root"/etc/tmpfiles.d/*.conf 2> /dev/null |
    awk '$2 ~ "^/etc/" { print substr($2, 5) }' >> "$part/etc.exclude" || fail_to_write
  printf '%s' "$RECOVERY" > "$part/upgrade-recovery.sh" &&
    chmod 700 "$part/upgrade-recovery.sh" || fail_to_write
}

# managed_files: those of the MachineConfig that are in none of the folders above.
managed_files() {
  report "copies the other files of the MachineConfig"
  jq -r '.spec.config.storage.files[]?.path' "$root/etc/machine-config-daemon/currentconfig" \
    > "$part/managed.all" || fail 7 "can't read the node's MachineConfig"
  while read -r path; do
    case $path in /etc/* | /usr/local/* | /var/lib/kubelet/*) continue ;; esac
    if [ -e "$root$path" ]; then printf '%s\n' "$path" || fail_to_write; fi
  done < "$part/managed.all" > "$part/managed" || fail_to_write
  rsync -aAXH --numeric-ids --files-from="$part/managed" "$root/" "$part/files/" ||
    fail 7 "can't copy the files of the MachineConfig"
}

# replace: from here on this is the backup, whatever happens.
replace() {
  node=$(uname -n)
  printf 'form=%s\nrun=%s\nnode=%s\ntaken=%s\ndeployment=%s\npinned=%s\n' \
    "$form" "$run" "$node" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${deployment:-}" "$owns" \
    > "$part/backup.env" && sync -f "$part" || fail_to_write
  check_release
  mv -T "$part" "$new" && ln -sfn "backup-$run" "$home/next" &&
    mv -T "$home/next" "$home/current" || fail_to_write
  pinned=
  [ "$form" != Full ] || link_recovery
}

# link_recovery: a script of another's, such as TALM's, is kept.
link_recovery() {
  script=$home/upgrade-recovery.sh
  if [ -e "$script" ] && [ ! -L "$script" ]; then
    mv --backup=numbered -T "$script" "$script.former" || fail_to_write
  fi
  ln -sfn current/upgrade-recovery.sh "$script" || fail_to_write
}

# clean_up: what no backup needs any more.
clean_up() {
  for each in "$home"/backup-*; do
    [ "$each" = "$home/$(readlink "$home/current")" ] || discard "$each" "$owns"
  done
}

mkdir -p "$home" && (: >> "$home/.lock") || fail_to_write
exec 9>> "$home/.lock"
flock -n 9 || fail 4 "another backup or a recovery is at work in $folder"
# The second is a recovery by TALM's script.
if [ -e "$home/recovery" ] || [ -e "$home/progress" ]; then
  fail 4 "a recovery with the backup in $folder is under way"
fi
if [ "$(readlink "$home/current")" = "backup-$run" ]; then
  # A recovery brings the Job back that etcd knew of, and it must not begin again. A former try may
  # have failed after the backup was there.
  owns=$(sed -n 's/^pinned=//p' "$home/current/backup.env")
  if [ "$form" = Full ] &&
    [ "$(readlink "$home/upgrade-recovery.sh")" != current/upgrade-recovery.sh ]
  then
    link_recovery
  fi
  clean_up
  echo "the backup of this run is there"
  exit 0
fi
check_release
if [ -e "$home/current/backup.env" ]; then
  former=$(sed -n 's/^pinned=//p' "$home/current/backup.env")
  is=$(sed -n 's/^form=//p' "$home/current/backup.env")
  [ "$is" = "$form" ] ||
    fail 10 "$folder has a backup of the form $is: name another folder for this one"
fi
for each in "$home"/backup-*.part; do discard "$each" "$former"; done
discard "$new" "$former"
case $form in
  Full) full_backup ;;
  *)
    need_space "$(($(kib "$root/var/lib/etcd/member/snap/") + 1024 * 1024))"
    begin
    etcd_backup
    ;;
esac
replace
clean_up
report "node=$node path=$folder/backup-$run mib=$(($(kib "$new") / 1024))"
"""
