/* yado vm exec: a command in a guest. Its output comes while it runs, and its exit code is ours; what is wrong on the
 * way there is 125, so that it is not taken for the command's own. What a guest writes goes to a terminal as it is, as
 * from its console. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/messages/files.h"
#include "cli/messages/guest-tools.h"

enum { EXIT_NOT_RUN = 125, EXIT_OUT_OF_TIME = 124, EXIT_OF_SIGNAL = 128, INPUT_MAX = 512 << 10 };

const Option exec_options[] = {
	{"input", 'i', NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_exec_input)},
	{"timeout", 0, "SECONDS", NULL, COMPLETE_NOTHING, TEXT(m_opt_exec_timeout)},
	{"output-limit", 0, "SIZE", NULL, COMPLETE_NOTHING, TEXT(m_opt_exec_limit)},
	{"leave", 0, NULL, NULL, COMPLETE_NOTHING, TEXT(m_opt_exec_leave)},
	{0}};

typedef struct Output {
	Cli *cli;
	gboolean ended;
	int code;
} Output;

static char interrupted_message[512];

static void on_interrupt(int number)
{
	(void)number;
	/* Nothing is left to do if stderr is gone. */
	(void)!write(STDERR_FILENO, interrupted_message, strlen(interrupted_message));
	_exit(EXIT_INTERRUPTED);
}

/* All of standard input, base64; NULL with the error. */
static char *read_input(GError **error)
{
	g_autoptr(GByteArray) input = g_byte_array_new();
	guint8 chunk[16384];
	ssize_t n;
	while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_set_errno(error, errno, T(m_cannot_read), T(m_stdin));
			return NULL;
		}
		g_byte_array_append(input, chunk, (guint)n);
		if (input->len > INPUT_MAX) {
			g_autofree char *most = units_format_size(INPUT_MAX);
			error_set(error, ERROR_TOO_LARGE, T(m_exec_input_hint), T(m_exec_input_large), most);
			return NULL;
		}
	}
	return g_base64_encode(input->data, input->len);
}

/* NULL after printing. */
static json_object *make_wish(Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *wish = json_object_new_object();
	json_object *command = json_object_new_array();
	gint64 timeout = 0;
	json_set(wish, "command", command);
	for (guint i = 1; i < arguments->words->len; i++)
		json_object_array_add(command, json_object_new_string(arguments_word(arguments, i)));
	if (!arguments_number(arguments, "timeout", 1, 86400, &timeout))
		return NULL;
	if (timeout)
		json_set_int(wish, "timeout", timeout);
	const char *limit = arguments_get(arguments, "output-limit", NULL);
	guint64 bytes;
	if (limit && !units_parse_size(limit, &bytes, NULL)) {
		usage_error(NULL, T(m_exec_limit_wrong), limit);
		return NULL;
	}
	if (limit)
		json_set_int(wish, "output_limit", (gint64)bytes);
	if (arguments_has(arguments, "leave"))
		json_set_bool(wish, "leave", TRUE);
	if (arguments_has(arguments, "input")) {
		g_autofree char *input = read_input(&error);
		if (!input) {
			report(error);
			return NULL;
		}
		json_set_str(wish, "input", input);
	}
	return g_steal_pointer(&wish);
}

static gboolean write_bytes(int fd, const char *coded)
{
	gsize length = 0;
	g_autofree guchar *bytes = g_base64_decode(coded, &length);
	return fd_write_all(fd, bytes, length);
}

static const char *why_text(const char *why)
{
	static const struct {
		const char *why;
		Text text;
	} reasons[] = {
		{"timeout", TEXT(m_exec_timeout)},
		{"limit", TEXT(m_exec_limit)},
		{"withdrawn", TEXT(m_exec_withdrawn)},
		{"stopped", TEXT(m_exec_stopped)},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (g_strcmp0(reasons[i].why, why) == 0)
			return text_of(reasons[i].text);
	return NULL;
}

static void take_end(Output *output, json_object *end)
{
	gint64 code = json_get_int(end, "code", -1), number = json_get_int(end, "signal", 0);
	const char *why = json_get_str(end, "why", NULL), *text = why_text(why);
	output->ended = TRUE;
	/* One that our own exit code has no room for (Windows) is still a failure. */
	output->code = code >= 0 ? (int)MIN(code, 255) : number > 0 ? EXIT_OF_SIGNAL + (int)number : EXIT_NOT_RUN;
	if (g_strcmp0(why, "timeout") == 0)
		output->code = EXIT_OUT_OF_TIME;
	else if (why)
		output->code = EXIT_NOT_RUN;
	if (text)
		fprintf(stderr, "yado: %s\n", text);
	else if (json_get_bool(end, "cut", FALSE))
		fprintf(stderr, "yado: %s\n", T(m_exec_cut));
}

static gboolean on_event(json_object *event, gpointer data)
{
	Output *output = data;
	const char *out = json_get_str(event, "out", NULL), *err = json_get_str(event, "err", NULL);
	json_object *end = json_get(event, "end"), *failure = json_get(event, "error");
	if (output->cli->json) {
		printf("%s\n",
		       json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		if (fflush(stdout) != 0)
			return FALSE;
	} else if (out && !write_bytes(STDOUT_FILENO, out)) {
		return FALSE;
	} else if (err && !write_bytes(STDERR_FILENO, err)) {
		return FALSE;
	}
	if (end)
		take_end(output, end);
	if (failure) {
		g_autoptr(GError) error = error_new_from_json(failure);
		report(error);
		output->ended = TRUE;
	}
	return !output->ended;
}

Exit vm_exec_exec(Cli *cli, Arguments *arguments)
{
	g_autoptr(GError) error = NULL;
	const char *id = arguments_word(arguments, 0);
	json_auto json_object *wish = make_wish(arguments);
	if (!wish)
		return EXIT_USAGE;
	g_autofree char *path = ask_path("/vms/", id, "/guest/exec");
	Reply *reply = ask_quietly(cli, "POST", path, wish, NULL, 0, &error);
	if (!reply) {
		report(error);
		return (Exit)EXIT_NOT_RUN;
	}
	if (cli->plan)
		return finish(cli, reply, NULL, NULL);
	g_autofree char *suffix = g_strconcat("/guest/exec/", json_get_str(reply->body, "id", ""), "/follow", NULL);
	g_autofree char *stream = ask_path("/api/v1/vms/", id, suffix);
	gint64 pid = json_get_int(reply->body, "pid", 0);
	reply_free(reply);
	snprintf(interrupted_message, sizeof interrupted_message,
		 arguments_has(arguments, "leave") ? T(m_exec_left) : T(m_exec_interrupted), pid);
	struct sigaction former, act = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &act, &former);
	Output output = {.cli = cli, .code = EXIT_NOT_RUN};
	gboolean followed = client_follow(cli->client, stream, on_event, &output, &error);
	sigaction(SIGINT, &former, NULL);
	if (!followed)
		report(error);
	else if (!output.ended)
		fprintf(stderr, "yado: %s\n", T(m_exec_lost));
	return (Exit)output.code;
}
