/* What the guests stand on: made once by the daemon, lent to every part and to every task. */
#pragma once
#include "access/access.h"
#include "access/audit.h"
#include "image/image.h"
#include "image/uploads.h"
#include "qemu/host.h"
#include "storage/storage.h"
#include "store/store.h"
#include "task/task.h"

typedef struct Autostart Autostart;
typedef struct Guests Guests;
typedef struct Idempotency Idempotency;
typedef struct Measure Measure;

typedef struct Services {
	Store *store;
	Tasks *tasks;
	Access *access;
	Audit *audit;
	Idempotency *idempotency;
	StorageContext storage;
	ImageContext image;
	Uploads *uploads;
	QemuHost *host;
	Guests *guests;
	Measure *measure;
	Autostart *autostart;              /* the guests' start at boot; atomic: the last to be made */
	const char *state_dir;   /* what the daemon keeps; absolute */
	const char *sysfs;       /* where the kernel shows the host's devices: /sys */
	const char *run_dir;     /* short: sockets live below it */
	const char *node;        /* name of this node */
	gint64 started_us;       /* monotonic; of the daemon */
} Services;
