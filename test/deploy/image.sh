#!/bin/bash
# Run by image.long.test.ts in namespaces of its own (mounts, network, processes): the image's files in $1 as a machine that nothing
# can be written to, $2 as the folder of its config, its user, and no network but the loopback. Prints what the test looks at.
set -e
root=$1
config=$2
ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
# What a container runtime brings.
mount --bind "$config" "$root/etc/hl7-gateway"
mount -t tmpfs -o mode=755,dev tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
mount -t proc proc "$root/proc"
mount -o remount,ro,bind "$root"

inside() {
  exec env -i $IMAGE_ENV /usr/sbin/chroot --userspec="$IMAGE_USER" "$root" "$@"
}
gateway() { (inside $IMAGE_ENTRY "$@"); }

echo "version $(gateway --version)"
(inside $IMAGE_ENTRY node --listen mllp://127.0.0.1:6661) >/dev/null &
(inside $IMAGE_ENTRY $IMAGE_CMD) >/tmp/image-gateway.$$ &
pid=$!
for _ in $(seq 60); do
  health=$( (inside $IMAGE_HEALTH) 2>&1) && break
done
echo "health $health"
for _ in $(seq 20); do
  answer=$(gateway send /gateway/fixtures/adt-a01-admit.hl7 --to mllp://127.0.0.1:2575 2>&1 | tail -n 1); case $answer in *" 1 accepted"*) true ;; *) false ;; esac && break
done
echo "answer $answer"
echo "write $( (inside node -e 'try { fs.writeFileSync("/var/lib/hl7-gateway/x", ""); console.log("done") } catch ({ code }) { console.log(code) }') )"
echo "user $( (inside node -p 'process.getuid() + ":" + process.getgid()') )"
echo "shell $( (inside /bin/sh -c 'echo one') 2>/dev/null || echo none)"
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
echo "ended $code"
rm -f "/tmp/image-gateway.$$"
