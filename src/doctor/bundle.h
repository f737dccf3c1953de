/* The support bundle: what a report of a fault needs, without secrets. */
#pragma once
#include "doctor/host.h"

/* Writes it as tar.gz; the exit status. */
int bundle_write(const Host *host, int output);
