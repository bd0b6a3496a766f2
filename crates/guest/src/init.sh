#!/bin/busybox sh
# The first process of the guest. Says BOOT-OK, then runs the command the kernel command line carries
# and powers off with its status on the console, or gives a shell and powers off when it ends.
set -f
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PS1='\w # '
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev
$bb mkdir -p /dev/pts /dev/shm
$bb mount -t devpts devpts /dev/pts
$bb mount -t tmpfs tmpfs /dev/shm
$bb mount -t tmpfs tmpfs /tmp
$bb mount -t tmpfs tmpfs /run
$bb --install -s /bin 2>/dev/null
hostname armagic
cd /root

# argument: the value of armagic.run on the kernel command line, if it is there
argument() {
    for word in $(cat /proc/cmdline); do
        case $word in armagic.run=*) echo "${word#armagic.run=}" ;; esac
    done
}
# decode VALUE: base64, ended by a full stop so that a command line that was cut is noticed
decode() {
    case $1 in *.) printf %s "${1%.}" | base64 -d ;; *) return 1 ;; esac
}
# finish STATUS: the line that is looked for; stty returns once the console has sent it
finish() {
    printf '\nARMAGIC-EXIT: %s\n' "$1"
    stty onlcr
    poweroff -f
}

dmesg -n 4   # from here on the kernel's chatter does not cut our lines in two; errors still show
echo BOOT-OK
value=$(argument)
if [ -z "$value" ]; then
    setsid cttyhack sh
    poweroff -f
elif command=$(decode "$value"); then
    setsid cttyhack sh -c "$command"
    finish $?
else
    echo "init: armagic.run on the kernel command line is cut short or is not base64: $value"
    finish 126
fi
