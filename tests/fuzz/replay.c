/* Runs a fuzz target over the files of a corpus, so that what the fuzzer once found stays found with any compiler. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 * 1024 * 1024 };

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) corpus = argc == 2 ? g_dir_open(argv[1], 0, &error) : NULL;
	guint count = 0;
	if (!corpus) {
		fprintf(stderr, "replay: %s\n", error ? error->message : "usage: replay CORPUS-DIRECTORY");
		return 2;
	}
	for (const char *name = g_dir_read_name(corpus); name; name = g_dir_read_name(corpus)) {
		g_autofree char *path = g_build_filename(argv[1], name, NULL);
		g_autofree char *data = NULL;
		gsize length = 0;
		if (!file_read(path, INPUT_MAX, &data, &length, &error)) {
			fprintf(stderr, "replay: %s\n", error->message);
			return 1;
		}
		/* An exact copy, so that the sanitizer sees a read past the end. */
		g_autofree uint8_t *exact = g_memdup2(data, length);
		LLVMFuzzerTestOneInput(exact ? exact : (const uint8_t *)"", length);
		count++;
	}
	printf("%u inputs\n", count);
	return count > 0 ? 0 : 1;
}
