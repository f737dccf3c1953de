/* Packages that Yado runs or links, as dpkg has them. */
#include <string.h>

#include "doctor/check.h"

enum { STATUS_MAX = 64 << 20 };

FINDING_OK(complete, "packages.complete", "{versions}", "{versions}");
FINDING(no_qemu, "packages.no-qemu", STATE_PROBLEM,
	"qemu-system-x86 is not installed", "qemu-system-x86 がありません",
	"yadod does not start, and no guest", "yadod もゲストも起動できません",
	"apt install qemu-system-x86", "apt install qemu-system-x86");
FINDING(no_utils, "packages.no-qemu-utils", STATE_PROBLEM,
	"qemu-utils is not installed", "qemu-utils がありません",
	"images cannot be built", "イメージを作成できません",
	"apt install qemu-utils", "apt install qemu-utils");
FINDING(no_passt, "packages.no-passt", STATE_WARNING,
	"passt is not installed", "passt がありません",
	"network cards of mode 'user' cannot be had", "'user' モードのネットワークカードを使えません",
	"apt install passt", "apt install passt");
FINDING(no_ovmf, "packages.no-ovmf", STATE_WARNING,
	"ovmf is not installed", "ovmf がありません",
	"guests with UEFI do not start", "UEFIのゲストを起動できません",
	"apt install ovmf", "apt install ovmf");
FINDING(no_swtpm, "packages.no-swtpm", STATE_WARNING,
	"swtpm is not installed", "swtpm がありません",
	"guests with a TPM do not start", "TPMのあるゲストを起動できません",
	"apt install swtpm", "apt install swtpm");
FINDING(no_websockets, "packages.no-libwebsockets", STATE_PROBLEM,
	"libwebsockets17 with libwebsockets-evlib-uv is not installed",
	"libwebsockets17 と libwebsockets-evlib-uv がそろっていません",
	"the front does not start: no web page, no API over HTTPS", "フロントが起動せず、WebページもHTTPSのAPIも使えません",
	"apt install libwebsockets17 libwebsockets-evlib-uv", "apt install libwebsockets17 libwebsockets-evlib-uv");
FINDING(broken, "packages.half", STATE_WARNING,
	"dpkg has left half done: {names}", "dpkgの処理が途中です: {names}",
	"what these packages do may not work, and apt refuses other work", "該当パッケージが動かない恐れがあり、aptも他の処理を拒みます",
	"dpkg --configure -a && apt -f install", "dpkg --configure -a && apt -f install");
static const Finding *const findings[] = {&complete, &no_qemu,	    &no_utils, &no_passt,
					  &no_ovmf,  &no_swtpm, &no_websockets, &broken, NULL};

static const struct {
	const char *name;
	const Finding *absent;
} wanted[] = {
	{"qemu-system-x86", &no_qemu},
	{"qemu-utils", &no_utils},
	{"passt", &no_passt},
	{"ovmf", &no_ovmf},
	{"swtpm", &no_swtpm},
	{"libwebsockets17", &no_websockets},
	{"libwebsockets-evlib-uv", &no_websockets},
};

/* The value of "Field: value" within one package's lines; caller frees; NULL. */
static char *value_of(const char *paragraph, const char *end, const char *field)
{
	g_autofree char *text = g_strndup(paragraph, (gsize)(end - paragraph));
	g_autofree char *mark = g_strdup_printf("\n%s: ", field);
	const char *found = strstr(text, mark);
	return found ? g_strndup(found + strlen(mark), strcspn(found + strlen(mark), "\n")) : NULL;
}

/* Goes through dpkg's paragraphs once: versions of what is wanted, names of what is neither installed nor removed. */
static void scan(const char *status, char *versions[], GString *half)
{
	for (const char *at = status; at && *at;) {
		const char *end = strstr(at, "\n\n"), *stop = end ? end : at + strlen(at);
		g_autofree char *name = g_strndup(at, strcspn(at, "\n"));
		const char *plain = g_str_has_prefix(name, "Package: ") ? name + strlen("Package: ") : "";
		g_autofree char *state = value_of(at, stop, "Status");
		gboolean installed = state && g_str_has_suffix(state, " installed");
		if (state && !installed && !g_str_has_suffix(state, " config-files") &&
		    !g_str_has_suffix(state, " not-installed"))
			g_string_append_printf(half, "%s%s", half->len ? ", " : "", plain);
		for (guint i = 0; installed && i < G_N_ELEMENTS(wanted); i++)
			if (strcmp(plain, wanted[i].name) == 0 && !versions[i])
				versions[i] = value_of(at, stop, "Version");
		at = end ? end + 2 : NULL;
	}
}

static void look(const Host *host, Report *to)
{
	g_autofree char *status = host_read(host, "/var/lib/dpkg/status", STATUS_MAX);
	char *versions[G_N_ELEMENTS(wanted)] = {NULL};
	g_autoptr(GString) half = g_string_new(NULL), list = g_string_new(NULL);
	if (!status) {
		report_unknown(to, "/var/lib/dpkg/status cannot be read; is this Debian?");
		return;
	}
	scan(status, versions, half);
	const Finding *said = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		if (versions[i])
			g_string_append_printf(list, "%s%s %s", list->len ? ", " : "", wanted[i].name, versions[i]);
		else if (wanted[i].absent != said)
			report(to, said = wanted[i].absent, NULL);
		g_free(versions[i]);
	}
	if (half->len)
		report(to, &broken, "names", half->str, NULL);
	if (!said)
		report(to, &complete, "versions", list->str, NULL);
}

const Check package_checks[] = {{"packages", {"packages", "パッケージ"}, 0, look, findings}, {0}};
