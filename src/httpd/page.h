/* What is served besides the API: the files of the page, or a plain page that says what runs here. */
#pragma once
#include "httpd/front.h"

typedef struct PageFile PageFile;
struct PageFile {
	const char *type;
	char *etag; /* quoted */
	char *data;
	gsize length;
	PageFile *gzipped; /* the same compressed, from "name.gz" beside it; NULL: there is none */
	gboolean immutable; /* its name changes with its content */
};

/* Reads all files below `directory` (NULL: the plain page only) into memory: nothing is opened for a request. */
Page *page_new(const char *directory, GError **error);
/* The file that a target names; NULL if there is none. A path whose last step has no dot is a view of the page, which
 * /index.html shows: each has its own address. */
const PageFile *page_find(const Page *page, const char *target);
