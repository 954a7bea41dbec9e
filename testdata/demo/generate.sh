#!/bin/bash
# Makes the recording that ships with the program anew: as root, from any
# folder. Host name, processes and paths are those of a namespace made for it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

CGO_ENABLED=0 go build -C "$here/../.." -o "$out/pcapwho" ./cmd/pcapwho
export out
env -i PATH="$PATH" out="$out" unshare --mount --uts --pid --fork --mount-proc bash -euc '
	hostname demo
	mount -t tmpfs tmpfs /opt
	mkdir /opt/out && mount --bind "$out" /opt/out && cp "$out/pcapwho" /opt/
	cd /opt && exec env -i PATH=/usr/bin:/bin TMPDIR=/opt /opt/pcapwho demo --keep out/demo'
cp "$out"/demo/demo.* "$here"
chmod 644 "$here"/demo.*
