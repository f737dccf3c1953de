/* Value checks shared by the resource tables: NULL if the value is good, else a phrase that completes "must …". */
#pragma once

const char *check_guest_name(const char *value); /* a DNS label: letters, digits, '-', as a host name */
const char *check_one_line(const char *value);   /* no control characters */
const char *check_uuid(const char *value);
const char *check_mac(const char *value);        /* unicast, lower case, xx:xx:xx:xx:xx:xx */
const char *check_serial(const char *value);     /* what QEMU and guests take: A-Z a-z 0-9 . _ - */
const char *check_interface(const char *value);  /* a Linux interface name */
const char *check_machine(const char *value);    /* a QEMU machine name; whether the node has it is checked later */
const char *check_cpu_model(const char *value);
const char *check_absolute_path(const char *value);
