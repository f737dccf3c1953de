# What Yado needs from Debian, sourced by quickstart and run-tests: to run, to build, to test, to test with --full.
packages_run=(qemu-system-x86 qemu-utils passt ovmf swtpm iproute2
	libglib2.0-0 libjson-c5 libsqlite3-0 libssl3 libseccomp2 libsmartcols1
	libwebsockets17 libwebsockets-evlib-uv libuv1 libnghttp2-14 libcurl4 libcrypt1 libsystemd0 libarchive13 passwd e2fsprogs lz4)
# What the recipe of a whole Debian needs beside these.
packages_debian=(mmdebstrap fdisk dosfstools mtools gpgv debian-archive-keyring)
packages_build=(gcc libc6-dev musl-tools meson ninja-build pkg-config
	libglib2.0-dev libjson-c-dev libsqlite3-dev libssl-dev libseccomp-dev libsmartcols-dev libwebsockets-dev libuv1-dev libnghttp2-dev libcurl4-openssl-dev
	libcrypt-dev libsystemd-dev libarchive-dev)
# The page is built by Node, from wherever it came.
{ command -v node && command -v npm; } >/dev/null || packages_build+=(nodejs npm)
# ./package needs these beside those of the build.
packages_package=(debhelper dpkg-dev fakeroot)
packages_test=(libarchive-tools nbdkit nbdfuse python3-pytest python3-pytest-xdist qemu-guest-agent mount procps xfsprogs
	python3-websocket python3-h2 python3-jsonschema curl jq sqlite3 openssl shim-signed grub-efi-amd64-signed groff-base mandoc systemd dbus chromium fonts-noto-core fonts-noto-cjk
	"${packages_debian[@]}")
packages_full=(clang grub-common grub-pc-bin kmod mtools xorriso)

# Those that are not installed, one a line.
list_missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

# Installs what is not installed; without anything to do it takes no time and no network.
install_missing() {
	local missing
	mapfile -t missing < <(list_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	[ -z "$(dpkg --audit)" ] || dpkg --configure -a || : # what an interrupted apt has left
	apt_update || return
	apt-get -o DPkg::Lock::Timeout=500 install -y --no-install-recommends "${missing[@]}"
}

# apt waits for the locks of dpkg, but not for that of its lists.
apt_update() {
	local output
	for _ in $(seq 500); do
		output=$(LC_ALL=C apt-get update 2>&1) && { echo "$output"; return 0; }
		[[ $output == *"Could not get lock"* ]] || break
		echo "waiting for another apt to end"
		sleep 1
	done
	echo "$output"
	return 1
}

# The user that yado-httpd runs as.
make_user() {
	getent passwd yado >/dev/null ||
		useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin yado
}

# The programs and the page, as they are used: optimized, without tests.
build_programs() { # FOLDER
	[ -f "$1/build.ninja" ] || meson setup "$1" --buildtype=release
	ninja -C "$1" src/daemon/yadod src/cli/yado web/web src/launch/yado-launch src/httpd/yado-httpd \
		src/remote/yado-remote src/pump/yado-pump src/nvram/yado-nvram src/seed/yado-seed src/qemu/probe.rom
}
