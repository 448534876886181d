"""The script of the Job. It needs bash, coreutils, gzip and oc: the image `cli` of a release has
them."""

SCRIPT = r"""
set -u
work=$(mktemp -d)
cd "$work" || exit 1
count=0

# A request that hangs may cost one log, never all of them.
oc() {
  timeout 30 oc "$@"
}

# add KIND NAMESPACE POD CONTAINER FILE: keeps the newest bytes of a file for the result.
add() {
  if [ "$count" -ge "$MAX_LOGS" ]; then
    left_out=yes
    return
  fi
  count=$((count + 1))
  mv "$5" "log.$count"
  printf '%s %s %s %s' "$1" "$2" "$3" "$4" > "head.$count"
}

logs_of() {
  oc get pods -n "$1" -o wide > listed 2>&1
  add pods "$1" - - listed
  format='{range .items[*]}{.metadata.name}{" "}{.spec.initContainers[*].name}'
  format="$format"'{" "}{.spec.containers[*].name}{"\n"}{end}'
  oc get pods -n "$1" -o jsonpath="$format" > names 2> /dev/null || return 0
  while read -r pod containers; do
    for container in $containers; do
      if [ "$SECONDS" -ge "$GATHER_SECONDS" ]; then
        left_out=yes
        return
      fi
      for which in current previous; do
        previous=
        if [ "$which" = previous ]; then previous=--previous; fi
        # One byte more than is kept shows that the log is longer.
        if oc logs -n "$1" "$pod" -c "$container" --tail="$LOG_LINES" $previous 2> problem \
          < /dev/null | tail -c "$((LOG_BYTES + 1))" > fetched
          [ "${PIPESTATUS[0]}" -eq 0 ]
        then
          add "$which" "$1" "$pod" "$container" fetched
        elif [ "$which" = current ]; then
          cat problem >> fetched
          add "$which" "$1" "$pod" "$container" fetched
        fi
      done
    done
  done < names
}

# pack LIMIT: writes all logs into one compressed file, each with its newest LIMIT bytes.
pack() {
  for number in $(seq "$count"); do
    size=$(wc -c < "log.$number")
    lines=$(wc -l < "log.$number")
    cut=no
    if [ "$lines" -ge "$LOG_LINES" ]; then cut=yes; fi
    if [ "$size" -gt "$1" ]; then
      cut=yes
      # The first line that is left is not whole.
      tail -c "$1" "log.$number" | tail -n +2 > part
    else
      cp "log.$number" part
    fi
    printf '%s %s %s\n' "$(cat "head.$number")" "$(wc -c < part | tr -d ' ')" "$cut"
    cat part
    printf '\n'
  done | gzip -9 -n > packed
  base64 packed | tr -d '\n' > text
}

send() {
  limit=$LOG_BYTES
  pack "$limit"
  while [ "$(wc -c < text)" -gt "$((CHUNK * CHUNKS))" ] && [ "$limit" -gt 64 ]; do
    limit=$((limit / 2))
    pack "$limit"
  done
  bytes=$(wc -c < packed | tr -d ' ')
  sum=$(sha256sum packed | cut -d ' ' -f 1)
  split -b "$CHUNK" -d -a 2 text chunk.
  chunks=0
  {
    printf '{"data":{'
    for file in chunk.*; do
      printf '"chunk%s":"' "$chunks"
      cat "$file"
      printf '",'
      chunks=$((chunks + 1))
    done
    printf '"head":"ibgu-gather/1 run=%s chunks=%s bytes=%s sha256=%s more=%s"}}' \
      "$RUN" "$chunks" "$bytes" "$sum" "$left_out"
  } > patch
  oc patch configmap "$RESULT" -n "$RESULT_NAMESPACE" --type merge --patch-file patch
}

left_out=no
"""
LOGS = f"""{SCRIPT}
for namespace in $NAMESPACES; do
  logs_of "$namespace"
done
send
"""
MUST_GATHER = f"""{SCRIPT}
timeout "$GATHER_SECONDS" gather > output 2>&1
gathered=$?
echo "gather ended with exit code $gathered" >> output
add gather - - - output
tar -C "$FOLDER" -czf archive . 2> problem || cat problem >> log.1
# What curl says may have the address in it.
status=$(curl --silent --fail --config "$CURL_CONFIG" --upload-file archive \\
  --output /dev/null --write-out '%{{http_code}}' 2> /dev/null)
printf 'exit=%s http=%s bytes=%s sha256=%s gather=%s\\n' "$?" "$status" \\
  "$(wc -c < archive | tr -d ' ')" "$(sha256sum archive | cut -d ' ' -f 1)" "$gathered" > sent
add upload - - - sent
send
"""
