/* Value checks shared by the resource tables: NULL if the value is good, else a phrase that completes "must …". */
#pragma once

const char *check_guest_name(const char *value); /* a DNS label: letters, digits, '-', as a host name */
const char *check_host_name(const char *value);  /* DNS labels, as in web.example.org */
const char *check_one_line(const char *value);   /* no control characters */
const char *check_uuid(const char *value);
const char *check_mac(const char *value);        /* unicast, lower case, xx:xx:xx:xx:xx:xx */
const char *check_serial(const char *value);     /* what QEMU and guests take: A-Z a-z 0-9 . _ - */
const char *check_wwn(const char *value);        /* 16 hexadecimal digits in lower case, as an NAA identifier */
const char *check_interface(const char *value);  /* a Linux interface name */
const char *check_machine(const char *value);    /* a QEMU machine name; whether the node has it is checked later */
const char *check_cpu_model(const char *value);
const char *check_cpu_flag(const char *value);   /* +FEATURE or -FEATURE, as QEMU names it */
const char *check_feature(const char *value);    /* FEATURE alone */
const char *check_cpus(const char *value);       /* a list of CPUs, as the kernel has it: 0-3,8 */
const char *check_host_nodes(const char *value); /* a list of NUMA nodes, as far as QEMU takes them */
const char *check_absolute_path(const char *value);
const char *check_user_name(const char *value);  /* who signs in; not the names that Yado itself signs with */
const char *check_grant_path(const char *value); /* what a role is granted on, "/vms/100" */
const char *check_pci_address(const char *value); /* as sysfs has it */
const char *check_device_id(const char *value);   /* vendor:device, of PCI or USB */
const char *check_usb_port(const char *value);
const char *check_time(const char *value);       /* ISO 8601 with a zone, as in 2026-12-31T00:00:00Z */
const char *check_package(const char *value);    /* a Debian package (Debian Policy §5.6.7) */
const char *check_suite(const char *value);      /* a release of a Debian archive, by its code name */
const char *check_mirror(const char *value);     /* an HTTP address without a query, as sources of apt have it */
const char *check_guest_user(const char *value); /* what a guest may call its users: no colon, no control characters */
const char *check_base64(const char *value);     /* RFC 4648 §4, on one line, with its padding */
const char *check_digest(const char *value);     /* SHA-256, 64 hexadecimal digits in lower case */
const char *check_smbios(const char *value);     /* printable ASCII, as DMTF DSP0134 §6.1.3 has its strings */
const char *check_login(const char *value);      /* who signs in to a guest, as useradd(8) takes it */
const char *check_ssh_key(const char *value);    /* a public key, a line of authorized_keys without options */
const char *check_any_package(const char *value); /* a package of any distribution */
const char *check_ip(const char *value);
const char *check_ipv4(const char *value);
const char *check_ipv6(const char *value);
const char *check_ipv4_prefix(const char *value); /* 192.0.2.1/24 */
const char *check_ipv6_prefix(const char *value);
