"""The script of a pre-cache's Job. It runs in the node's file system, where all its tools are, and
where podman and CRI-O share one store of images, with the node's mirrors and pull secret.

Arguments: the release image, the space that it needs in GiB, and patterns of names to leave out.
Kubernetes replaces two dollar signs in a row, and names of variables in parentheses, before a shell
sees them: the script has neither.
"""

PRECACHE_SCRIPT = r"""
set -u
umask 077
release=$1 gib=$2
shift 2
# The folder that has the node's files: empty on a node.
root=${ROOT:-}
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
store=$root/var/lib/containers
authfile=$root/var/lib/kubelet/config.json
export authfile

# fail CODE WORDS: the codes have words of their own where the report does not arrive.
fail() {
  code=$1
  shift
  report "$*"
  exit "$code"
}

# threshold: the percentage of the disk from which on kubelet removes images.
threshold() {
  found=$(tr ',{}' '[\n*]' < "$root/etc/kubernetes/kubelet.conf" | tr -d ' "' |
    sed -n 's/^imageGCHighThresholdPercent:\([0-9][0-9]*\)$/\1/p')
  printf '%s\n' "${found:-85}"
}

# room: the MiB that the disk of images has left below the threshold, which may be negative.
room() {
  df -Pk "$store" | awk -v most="$(threshold)" 'NR == 2 {
    printf "%d\n", ($2 / 100 * most - $3) / 1024
  }'
}

# names: a line for each image of the release, its name and its pull specification.
names() {
  mounted=$(podman image mount "$release") || return 1
  jq -r '.spec.tags[] | .name + " " + .from.name' "$mounted/release-manifests/image-references"
  read_it=$?
  podman image unmount "$release" > /dev/null || :
  return "$read_it"
}

# list_images: a line for each image of the release that no pattern leaves out.
list_images() {
  names > "$work/all" || return 1
  while read -r name image; do
    if [ -s "$work/patterns" ] && printf '%s\n' "$name" | grep -q -f "$work/patterns"; then
      continue
    fi
    printf '%s\n' "$image"
  done < "$work/all" | sort -u > "$work/images"
}

# A shell of its own for each image: ten at a time.
PULL='
for wait in 5 10 20 30 60 60 60 60 60 0; do
  if podman image exists "$1" ||
    podman pull --quiet --authfile "$authfile" "$1" > /dev/null 2> "$work/problem.$2"
  then
    echo "$1" >> "$work/pulled"
    exit 0
  fi
  sleep "$wait"
done
printf "%s: %s\n" "$1" "$(tail -n 1 "$work/problem.$2")" >> "$work/failed"
'

scripts=$root/etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts
if grep -qs 'ALL_ETCD_ENDPOINTS=.*,' "$scripts/etcd.env"; then
  fail 8 "images are pulled ahead on clusters of one node alone"
fi
mkdir -p "$root/var/tmp" && work=$(mktemp -d "$root/var/tmp/ibgu-pre-cache.XXXXXX") ||
  fail 2 "can't write to /var/tmp"
export work
trap 'rm -rf "$work"' EXIT
printf '%s\n' "$@" | sed '/^$/d' > "$work/patterns"
# With one bad pattern grep finds nothing by the others either.
grep -q -f "$work/patterns" /dev/null 2> "$work/problem"
if [ "$?" -gt 1 ]; then
  fail 9 "excludePatterns: $(tail -n 1 "$work/problem")"
fi
# What an earlier try has pulled takes no more space.
needed=$((gib * 1024))
if podman image exists "$release" && list_images && [ -s "$work/images" ]; then
  missing=0
  while read -r image; do
    podman image exists "$image" || missing=$((missing + 1))
  done < "$work/images"
  needed=$((needed * missing / $(wc -l < "$work/images")))
fi
left=$(room)
if [ "${left:--1}" -lt "$needed" ]; then
  fail 3 "the disk of images has ${left:-no} MiB left below the $(threshold)% from which kubelet \
removes images, and $needed MiB are needed"
fi
report "pulls the release image"
podman pull --quiet --authfile "$authfile" "$release" > /dev/null 2> "$work/problem" ||
  fail 5 "can't pull the release image: $(tail -n 1 "$work/problem")"
list_images || fail 5 "can't read the images of the release"
all=$(wc -l < "$work/images" | tr -d ' ')
[ "$all" -gt 0 ] || fail 5 "the patterns leave no image of the release"
: > "$work/pulled"
: > "$work/failed"
awk '{ print $0, NR }' "$work/images" | xargs -P 10 -n 2 sh -c "$PULL" pull &
puller=$!
# Few reports: each of them is a write on the cluster, and one on the hub.
waited=0
while kill -0 "$puller" 2> /dev/null; do
  if [ "$((waited % 30))" -eq 0 ]; then
    report "pulled $(wc -l < "$work/pulled" | tr -d ' ') of $all images"
  fi
  waited=$((waited + 1))
  sleep 1
done
wait "$puller" || :
if [ -s "$work/failed" ]; then
  count=$(wc -l < "$work/failed" | tr -d ' ')
  fail 7 "can't pull $count of $all images: $(head -n 1 "$work/failed")"
fi
left=$(room)
if [ "${left:--1}" -le 0 ]; then
  fail 3 "with all images the disk is above the $(threshold)% from which kubelet removes images"
fi
report "pulled $all of $all images, $left MiB left"
"""
