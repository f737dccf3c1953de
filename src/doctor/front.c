/* The front: its certificate, and whether somebody answers at its port. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "doctor/check.h"

enum { PEM_MAX = 1 << 20, DAYS_NOTE = 30, CONNECT_MS = 2000, DAY_S = 86400 };

#define RENEW "put a new pair in place (cert.pem and key.pem in {dir}, owned by yado, the key 0600): it is taken up at once; or have one made: rm {dir}/cert.pem {dir}/key.pem && systemctl restart yado-httpd"
#define RENEW_JA "{dir} の cert.pem と key.pem を置き換える（所有者 yado、鍵は 0600）とすぐ有効になります。自己署名で作り直すなら rm {dir}/cert.pem {dir}/key.pem && systemctl restart yado-httpd"

FINDING_OK(valid, "certificate.valid", "good until {until} ({days} days)", "{until} まで有効（残り {days} 日）");
FINDING_OK(no_certificate, "certificate.none", "there is none yet; the front makes one when it starts", "まだありません。フロントの起動時に作られます");
FINDING(soon, "certificate.soon", STATE_WARNING,
	"it ends at {until}, in {days} days", "{until} に期限切れになります（あと {days} 日）",
	"then browsers refuse the page, and programs the API", "期限後はブラウザーがページを、プログラムがAPIを拒否します", RENEW, RENEW_JA);
FINDING(over, "certificate.over", STATE_PROBLEM,
	"it ended at {until}", "{until} に期限切れになりました",
	"browsers refuse the page, and programs the API", "ブラウザーがページを、プログラムがAPIを拒否します", RENEW, RENEW_JA);
FINDING(not_yet, "certificate.not-yet", STATE_PROBLEM,
	"it is good only from {from}", "{from} からしか有効ではありません",
	"browsers refuse the page, and programs the API", "ブラウザーがページを、プログラムがAPIを拒否します",
	"look at the host's clock first (the check 'time'); then: " RENEW, "まずホストの時計を確認（チェック 'time'）。その後: " RENEW_JA);
FINDING(unreadable, "certificate.damaged", STATE_PROBLEM,
	"{dir}/cert.pem is no certificate", "{dir}/cert.pem が証明書ではありません",
	"the front keeps the former one while it runs, and does not start again", "動いている間は以前のものを使いますが、再起動できません", RENEW, RENEW_JA);
FINDING(open_key, "certificate.key-open", STATE_WARNING,
	"others than its owner can read {dir}/key.pem", "{dir}/key.pem を所有者以外が読めます",
	"who has read it can pass for this host", "読んだ者はこのホストになりすませます",
	"chmod 600 {dir}/key.pem; if somebody may have read it: " RENEW, "chmod 600 {dir}/key.pem。読まれた恐れがあれば: " RENEW_JA);
static const Finding *const certificate_findings[] = {&valid,	&no_certificate, &soon, &over, &not_yet,
						      &unreadable, &open_key,	    NULL};

static char *format(const ASN1_TIME *time)
{
	struct tm parts;
	char text[64] = "?";
	if (ASN1_TIME_to_tm(time, &parts))
		strftime(text, sizeof text, "%F %T UTC", &parts);
	return g_strdup(text);
}

/* Days from the host's now until then; negative: over. */
static int days_until(const Host *host, const ASN1_TIME *then)
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)host_now(host));
	int days = 0, seconds = 0;
	ASN1_TIME_diff(&days, &seconds, now, then);
	ASN1_TIME_free(now);
	return days < 0 || seconds < 0 ? MIN(days, -1) : days;
}

static void judge(const Host *host, X509 *certificate, const char *dir, Report *to)
{
	const ASN1_TIME *end = X509_get0_notAfter(certificate), *begin = X509_get0_notBefore(certificate);
	g_autofree char *until = format(end), *from = format(begin);
	int left = days_until(host, end);
	g_autofree char *days = g_strdup_printf("%d", left);
	const Finding *said = days_until(host, begin) > 0 ? &not_yet : left < 0 ? &over : left < DAYS_NOTE ? &soon : &valid;
	report(to, said, "until", until, "from", from, "days", days, "dir", dir, NULL);
}

static void look_at_certificate(const Host *host, Report *to)
{
	g_autofree char *dir = g_build_filename(host->state, "front", NULL);
	g_autofree char *path = g_build_filename(dir, "cert.pem", NULL);
	g_autofree char *key = g_strconcat(host->root, dir, "/key.pem", NULL);
	g_autofree char *pem = host_read(host, path, PEM_MAX);
	struct stat info;
	if (!pem) {
		if (host_exists(host, path))
			report_unknown(to, "the certificate cannot be read");
		else
			report(to, &no_certificate, NULL);
		return;
	}
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (certificate)
		judge(host, certificate, dir, to);
	else
		report(to, &unreadable, "dir", dir, NULL);
	if (!host->recorded && stat(key, &info) == 0 && info.st_mode & 077)
		report(to, &open_key, "dir", dir, NULL);
	X509_free(certificate);
	BIO_free(bio);
}

FINDING_OK(answers, "front.answers", "it takes connections at {addresses}", "{addresses} で接続を受け付けています");
FINDING(deaf, "front.deaf", STATE_PROBLEM,
	"it listens at {address}, but takes no connection: {reason}", "{address} で待ち受けていますが、接続できません: {reason}",
	"neither the web page nor the API over HTTPS can be reached", "WebページもHTTPSのAPIも使えません",
	"look why: journalctl -u yado-httpd -u yadod; a firewall on this host? nft list ruleset",
	"原因を確認してください: journalctl -u yado-httpd -u yadod。ファイアウォールなら nft list ruleset");
FINDING(absent, "front.absent", STATE_NOTE,
	"no yado-httpd runs for this yadod", "この yadod の yado-httpd は動いていません",
	"there is no web page and no API over HTTPS; the command works here as root", "WebページもHTTPSのAPIもありません。コマンドはここでrootとして使えます",
	"systemctl start yado-httpd.socket, or start yadod with --https 8006", "systemctl start yado-httpd.socket、または yadod を --https 8006 付きで起動してください");
static const Finding *const front_findings[] = {&answers, &deaf, &absent, NULL};

/* Inodes of the sockets that a process has open: "socket:[1234]". */
static GHashTable *list_sockets(const Host *host, int pid)
{
	GHashTable *inodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *dir = g_strdup_printf("/proc/%d/fd", pid);
	g_auto(GStrv) names = host_list(host, dir);
	for (char **name = names; *name; name++) {
		g_autofree char *path = g_build_filename(dir, *name, NULL);
		g_autofree char *target = host_link(host, path);
		if (target && g_str_has_prefix(target, "socket:["))
			g_hash_table_add(inodes, g_strndup(target + 8, strlen(target) - 9));
	}
	return inodes;
}

/* "0100007F:1F46" or 32 digits for IPv6: in the CPU's order of bytes (proc_net_tcp.txt). */
static gboolean parse_address(const char *text, gboolean six, struct sockaddr_storage *ret_address, char **ret_text)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *long_one = (struct sockaddr_in6 *)ret_address;
	guint32 words[4] = {0};
	guint port;
	char shown[INET6_ADDRSTRLEN];
	if (six && sscanf(text, "%8x%8x%8x%8x:%4x", &words[0], &words[1], &words[2], &words[3], &port) != 5)
		return FALSE;
	if (!six && sscanf(text, "%8x:%4x", &words[0], &port) != 2)
		return FALSE;
	memset(ret_address, 0, sizeof *ret_address);
	gboolean any = !(words[0] | words[1] | words[2] | words[3]);
	if (six) {
		long_one->sin6_family = AF_INET6;
		long_one->sin6_port = htons((guint16)port);
		if (any)
			long_one->sin6_addr = in6addr_loopback;
		else
			memcpy(&long_one->sin6_addr, words, sizeof words);
		inet_ntop(AF_INET6, words, shown, sizeof shown);
		*ret_text = g_strdup_printf("[%s]:%u", shown, port);
	} else {
		four->sin_family = AF_INET;
		four->sin_port = htons((guint16)port);
		four->sin_addr.s_addr = any ? htonl(INADDR_LOOPBACK) : words[0];
		inet_ntop(AF_INET, words, shown, sizeof shown);
		*ret_text = g_strdup_printf("%s:%u", shown, port);
	}
	return TRUE;
}

/* NULL if it takes a connection. */
static const char *try_connect(const struct sockaddr_storage *address)
{
	fd_auto int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int error = 0;
	socklen_t size = sizeof error;
	if (fd < 0)
		return g_strerror(errno);
	if (connect(fd, (const struct sockaddr *)address, length) == 0)
		return NULL;
	if (errno != EINPROGRESS)
		return g_strerror(errno);
	struct pollfd end = {.fd = fd, .events = POLLOUT};
	if (poll(&end, 1, CONNECT_MS) <= 0)
		return "no answer within 2 s";
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error ? g_strerror(error) : NULL;
}

/* Those of the process that listen (state 0A), tried one after another. */
static void try_table(const Host *host, gboolean six, GHashTable *inodes, GString *good, Report *to)
{
	g_autofree char *text = host_read(host, six ? "/proc/net/tcp6" : "/proc/net/tcp", 16 << 20);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	for (char **line = lines; *line; line++) {
		char local[64], state[8], inode[32];
		struct sockaddr_storage address;
		g_autofree char *shown = NULL;
		if (sscanf(*line, " %*[0-9]: %63s %*s %7s %*s %*s %*s %*s %*s %31s", local, state, inode) != 3 ||
		    strcmp(state, "0A") != 0 || !g_hash_table_contains(inodes, inode) ||
		    !parse_address(local, six, &address, &shown))
			continue;
		const char *reason = host->recorded ? NULL : try_connect(&address);
		if (reason)
			report(to, &deaf, "address", shown, "reason", reason, NULL);
		else
			g_string_append_printf(good, "%s%s", good->len ? ", " : "", shown);
	}
}

static void look_at_front(const Host *host, Report *to)
{
	static const char *const names[] = {"yado-httpd", NULL};
	g_autofree char *backend = g_build_filename(host->run, "front", "front.sock", NULL);
	g_autoptr(GPtrArray) fronts = host_processes(host, names);
	g_autoptr(GString) good = g_string_new(NULL);
	gboolean there = FALSE;
	for (guint i = 0; i < fronts->len; i++) {
		const HostProcess *process = fronts->pdata[i];
		if (!strstr(process->arguments, backend))
			continue;
		there = TRUE;
		g_autoptr(GHashTable) inodes = list_sockets(host, process->pid);
		try_table(host, FALSE, inodes, good, to);
		try_table(host, TRUE, inodes, good, to);
	}
	if (!there)
		report(to, &absent, NULL);
	else if (good->len)
		report(to, &answers, "addresses", good->str, NULL);
}

const Check front_checks[] = {
	{"certificate", {"certificate", "証明書"}, 0, look_at_certificate, certificate_findings},
	{"front", {"web and API", "WebとAPI"}, 15000, look_at_front, front_findings},
	{0}};
