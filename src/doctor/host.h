/* The host that is looked at: this one, or one that was recorded as a directory tree (tests/golden/hosts). */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef struct Host {
	const char *root;    /* before every path; "" for this host */
	const char *state;   /* STATE and RUN directory, below the root */
	const char *run;
	gboolean recorded;   /* nothing is measured and no system call asked: what they say is in ROOT/facts.json */
	int daemon;          /* the process of yadod that asks; 0: none does */
	gboolean measure;    /* the speed of storages may be tried, which writes to them */
} Host;

/* A file's text, at most max_bytes; NULL if it is not there or cannot be read. Caller frees. */
char *host_read(const Host *host, const char *path, gsize max_bytes);
/* The same on one line without blanks around it. */
char *host_read_line(const Host *host, const char *path);
gboolean host_exists(const Host *host, const char *path);
gboolean host_readable(const Host *host, const char *path);
char *host_link(const Host *host, const char *path); /* where a symbolic link leads; NULL; caller frees */
/* Names in a directory, sorted; empty if there is none. Caller frees (g_strfreev). */
char **host_list(const Host *host, const char *path);
guint host_count(const Host *host, const char *path); /* names in a directory */
/* What is behind "key: value" or "key value" at the beginning of a line ("MemTotal"); -1: no such line. */
gint64 host_number(const char *text, const char *key);
/* Of a recorded host: a member of facts.json; new reference or NULL. */
json_object *host_fact(const Host *host, const char *name);
/* Now, in seconds since 1970. */
gint64 host_now(const Host *host);

/* A process by what /proc tells. */
typedef struct HostProcess {
	int pid;
	char *name;    /* of the program's file, "qemu-system-x86_64" */
	char *program; /* what /proc/PID/exe leads to, without " (deleted)" */
	gboolean replaced; /* the program's file is not the one that runs */
	char *arguments; /* separated by blanks */
} HostProcess;
/* Processes whose program has one of these names (NULL-terminated). Of HostProcess. */
GPtrArray *host_processes(const Host *host, const char *const *names);
