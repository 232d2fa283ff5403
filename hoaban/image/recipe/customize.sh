#!/bin/sh
# Turns the freshly installed tree into the image. Run by mmdebstrap as its last step, on the
# building machine: $1 is the tree, $2 this folder, $3 the sources that the tree was made from.
set -eu
umask 022 # what is made here is for all to read, whatever the builder's habit
tree=$1
recipe=$2
sources=$3
in_tree() { chroot "$tree" "$@"; }

# Modes are those of whoever checked this out: a server's own users must be able to read.
cp -R --no-preserve=ownership "$recipe/overlay/." "$tree/"
(cd "$recipe/overlay" && find . -mindepth 1 -print0) | (cd "$tree" && xargs -0 chmod u=rwX,go=rX)

# --- packages: the mirror of the building machine stays, what only the build needed goes. A
# password in an address does not belong on every server.
rm -f "$tree"/etc/apt/sources.list "$tree"/etc/apt/sources.list.d/* \
    "$tree/etc/apt/apt.conf.d/99mmdebstrap" "$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
sed 's,//[^/@]*@,//,' "$sources" >"$tree/etc/apt/sources.list.d/debian.sources"
install -m 0644 "$recipe/dpkg.cfg" "$tree/etc/dpkg/dpkg.cfg.d/10-image"
# The cloud starts the kernel it was given: one installed later would never run.
in_tree dpkg-query -W -f '${Package}\n' 'linux-image-*' | xargs chroot "$tree" apt-mark hold >/dev/null

# --- identity: none yet; the first boot makes it
: >"$tree/etc/machine-id" # empty, not absent: an absent one makes systemd apply all presets again
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/var/lib/dbus/machine-id"
echo localhost >"$tree/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$tree/etc/hosts"
in_tree useradd --create-home --shell /bin/bash --comment 'Hoa Ban' \
    --uid 1000 --user-group --groups adm,sudo,systemd-journal hoaban
ln -sf ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"

# --- root file system: systemd grows it to its disk
echo 'LABEL=root / ext4 defaults,noatime,x-systemd.growfs,errors=remount-ro 0 1' >"$tree/etc/fstab"

# --- languages: the list is the one that the role base keeps
printf 'vi_VN UTF-8\nen_US.UTF-8 UTF-8\n' >"$tree/etc/locale.gen"
in_tree locale-gen >/dev/null

# --- services
in_tree systemctl --quiet enable systemd-networkd.service ssh.service serial-getty@ttyS0.service \
    nftables.service unattended-upgrades.timer
in_tree systemctl --quiet disable unattended-upgrades.service restic-rest-server.service \
    auditd.service audit-rules.service nginx.service frr.service keepalived.service strongswan.service
grep -v -e '^#' -e '^$' "$recipe/masked-units.txt" | while read -r unit; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
# Generators run before anything else, at every boot: those for what is not here are left out.
mkdir -p "$tree/etc/systemd/system-generators"
for generator in gpt-auto hibernate-resume rc-local ssh system-update sysv tpm2; do
    ln -sf /dev/null "$tree/etc/systemd/system-generators/systemd-$generator-generator"
done

# No module is asked for by name: without this link to an empty list, nothing is started to see.
rm -f "$tree/etc/modules-load.d/modules.conf"

# --- confinement: of AppArmor's hundred profiles, mostly for desktop programs that would run
# unconfined, those stay whose programs are here
find "$tree/etc/apparmor.d" -maxdepth 1 -type f \
    ! -name unix-chkpwd ! -name usr.sbin.charon-systemd ! -name usr.sbin.chronyd \
    ! -name usr.sbin.swanctl -delete
# They are compiled here, for what the guest's kernel can do. (A guest's parser writes that list
# beside its own cache, as .features; where it differs, the guest compiles them again.)
cp "$recipe/apparmor-features" "$tree/tmp/features"
in_tree apparmor_parser --kernel-features /tmp/features --skip-kernel-load --write-cache \
    --cache-loc /var/cache/apparmor /etc/apparmor.d/unix-chkpwd \
    /etc/apparmor.d/usr.sbin.charon-systemd /etc/apparmor.d/usr.sbin.chronyd \
    /etc/apparmor.d/usr.sbin.swanctl
rm "$tree/tmp/features"

# --- nothing is out of date: no cache is made again at the first boot
touch -r "$tree/usr" "$tree/etc/.updated" "$tree/var/.updated"
