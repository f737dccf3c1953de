/* What is served besides the API: the files of the page, or a plain page that says what runs here. */
#pragma once
#include "httpd/front.h"

typedef struct PageFile {
	const char *type;
	char *etag; /* quoted */
	char *data;
	gsize length;
	gboolean immutable; /* its name changes with its content */
} PageFile;

/* Reads all files below `directory` (NULL: the plain page only) into memory: nothing is opened for a request. */
Page *page_new(const char *directory, GError **error);
/* The file that a target names; NULL if there is none. */
const PageFile *page_find(const Page *page, const char *target);
