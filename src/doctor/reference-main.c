/* yado-doctor-reference: writes the page of the checks, English into DIRECTORY and Japanese into DIRECTORY/ja; with
 * --check it compares instead. */
#include <stdio.h>
#include <string.h>

#include "doctor/check.h"
#include "schema/reference-page.h"

int main(int argc, char **argv)
{
	gboolean check = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (argc != 2 && !check) {
		fprintf(stderr, "usage: yado-doctor-reference [--check] DIRECTORY\n");
		return 2;
	}
	int status = 0;
	for (int japanese = 0; japanese <= 1; japanese++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *page = checks_reference(japanese);
		g_autofree char *path = g_build_filename(argv[argc - 1], japanese ? "ja" : ".", "doctor-checks.md", NULL);
		if (!reference_page(path, page, check, &error)) {
			fprintf(stderr, "yado-doctor-reference: %s\n", error->message);
			status = 1;
		}
	}
	return status;
}
