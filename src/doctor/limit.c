/* Limits that many guests run into. */
#include <string.h>

#include "doctor/check.h"

enum { FILES_MIN = 16384, PIDS_MIN = 65536 };

FINDING_OK(wide, "limits.wide", "open files of yadod: {files}; processes: {pids}", "yadodのオープンファイル: {files}、プロセス: {pids}");
FINDING(few_files, "limits.files", STATE_WARNING,
	"yadod may have only {files} files open", "yadod が開けるファイルは {files} 個だけです",
	"each running guest takes a handful: with hundreds of guests further ones do not start", "ゲスト1台ごとに数個使うため、数百台で起動できなくなります",
	"systemctl edit yadod, there: [Service] LimitNOFILE=1048576; then: systemctl restart yadod",
	"systemctl edit yadod で [Service] LimitNOFILE=1048576 を設定し、systemctl restart yadod");
FINDING(few_pids, "limits.pids", STATE_NOTE,
	"kernel.pid_max is {pids}", "kernel.pid_max は {pids} です",
	"each guest has a few processes and threads: with thousands of guests further ones do not start", "ゲストごとに複数のプロセスとスレッドを使うため、数千台で起動できなくなります",
	"echo 'kernel.pid_max=4194304' > /etc/sysctl.d/60-yado-pids.conf && sysctl --system",
	"echo 'kernel.pid_max=4194304' > /etc/sysctl.d/60-yado-pids.conf && sysctl --system");
static const Finding *const findings[] = {&wide, &few_files, &few_pids, NULL};

/* The hard limit: yadod raises its soft one to that. -1: no such process or line; G_MAXINT64: unlimited. */
static gint64 read_files(const Host *host)
{
	static const char mark[] = "Max open files";
	g_autofree char *path = g_strdup_printf("/proc/%d/limits", host->daemon);
	g_autofree char *text = host->daemon ? host_read(host, path, 65536) : NULL;
	const char *line = text ? strstr(text, mark) : NULL;
	if (!line)
		return -1;
	g_autofree char *rest = g_strndup(line + strlen(mark), strcspn(line, "\n") - strlen(mark));
	g_auto(GStrv) words = g_strsplit_set(g_strstrip(rest), " \t", -1);
	guint seen = 0;
	for (char **word = words; *word; word++)
		if (**word && ++seen == 2)
			return strcmp(*word, "unlimited") == 0 ? G_MAXINT64 : g_ascii_strtoll(*word, NULL, 10);
	return -1;
}

static void look(const Host *host, Report *to)
{
	gint64 files = read_files(host);
	g_autofree char *pids = host_read_line(host, "/proc/sys/kernel/pid_max");
	gint64 most = pids ? g_ascii_strtoll(pids, NULL, 10) : 0;
	g_autofree char *number = files < 0 ? g_strdup("?") : g_strdup_printf("%" G_GINT64_FORMAT, files);
	if (files >= 0 && files < FILES_MIN)
		report(to, &few_files, "files", number, NULL);
	if (pids && most < PIDS_MIN)
		report(to, &few_pids, "pids", pids, NULL);
	if ((files < 0 || files >= FILES_MIN) && (!pids || most >= PIDS_MIN))
		report(to, &wide, "files", number, "pids", pids, NULL);
}

const Check limit_checks[] = {{"limits", {"limits", "上限"}, 0, look, findings}, {0}};
