# What Yado needs from Debian, sourced by quickstart and run-tests: to run, to build, to test.
packages_run=(qemu-system-x86 qemu-utils passt ovmf
	libglib2.0-0 libjson-c5 libsqlite3-0 libssl3 libseccomp2 libsmartcols1
	e2fsprogs lz4 cpio kmod)
packages_build=(gcc libc6-dev musl-tools linux-libc-dev meson ninja-build pkg-config
	libglib2.0-dev libjson-c-dev libsqlite3-dev libssl-dev libseccomp-dev libsmartcols-dev)
packages_test=(clang libclang-rt-14-dev python3 python3-pytest iproute2 procps socat cppcheck)

# Installs what is not installed; without anything to do it takes no time and no network.
install_missing() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=500 update
	apt-get -o DPkg::Lock::Timeout=500 install -y --no-install-recommends "${missing[@]}"
}
