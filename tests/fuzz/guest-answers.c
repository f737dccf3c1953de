/* Fuzzes what is read of a guest agent's answers, and of QEMU's where the guest may have taken that over. The first byte
 * chooses what is asked; the lines after it are the answers, one a question: JSON, or '!' and a letter for a failure. Where
 * they end, the connection has. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/played-qmp.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "guest/live/memory.h"
#include "guest/resources/balloon.h"
#include "guest/run/question.h"
#include "guest/tools/agent.h"
#include "guest/tools/control.h"
#include "guest/tools/exec.h"
#include "guest/tools/file.h"
#include "guest/tools/info.h"

enum { WANTED_MAX = 2000, ROOM = 5000, PUT_SIZE = 100000 };

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static struct {
	const char *at, *end;
	guint wanted;    /* how often it was asked whether something is */
	int pair[2];     /* where a file of the guest goes */
	gsize taken;
} now;

/* --- In place of the connection --- */

void __wrap_g_usleep(gulong us);

static ErrorCode code_of(char letter)
{
	return letter == 'u' ? ERROR_UNSUPPORTED : letter == 't' ? ERROR_UNAVAILABLE : ERROR_FAILED;
}

static json_object *play(const char *command, json_object *arguments, GError **error)
{
	(void)arguments;
	if (now.at >= now.end) {
		error_set(error, ERROR_UNAVAILABLE, NULL, "'%s' has no answer", command);
		return NULL;
	}
	const char *line = now.at, *stop = memchr(line, '\n', (gsize)(now.end - line));
	gsize length = (gsize)((stop ? stop : now.end) - line);
	now.at = stop ? stop + 1 : now.end;
	if (length > 0 && line[0] == '!') {
		g_autofree char *text = g_utf8_make_valid(line, (gssize)length);
		error_set(error, code_of(length > 1 ? line[1] : 0), NULL, "the guest agent refused '%s': %s", command, text);
		return NULL;
	}
	g_autofree char *whole = g_strdup_printf("{\"return\":%.*s}", (int)length, line);
	json_auto json_object *message = json_parse(whole, strlen(whole), NULL);
	json_object *value = json_get(message, "return");
	return value ? json_object_get(value) : json_object_new_object();
}

void __wrap_g_usleep(gulong us)
{
	(void)us;
}

/* --- What is asked --- */

/* What comes out of it is shown to people. */
static void check_shown(json_object *json)
{
	if (json)
		g_assert_true(g_utf8_validate(json_object_to_json_string(json), -1, NULL));
	json_object_put(json);
}

static gboolean is_wanted(gpointer data)
{
	char sink[4096];
	(void)data;
	while (recv(now.pair[1], sink, sizeof sink, MSG_DONTWAIT) > 0)
		;
	return ++now.wanted < WANTED_MAX;
}

static const char *unwanted(gpointer data)
{
	return is_wanted(data) ? NULL : "left";
}

static gsize get_room(gpointer data)
{
	(void)data;
	return now.wanted % 3 ? ROOM : 0;
}

static void take(gboolean is_error, const void *bytes, gsize length, gpointer data)
{
	(void)is_error, (void)bytes, (void)data;
	g_assert_cmpuint(length, <=, ROOM);
	now.taken += length;
}

static void run_exec(Vm *vm)
{
	static const char text[] = "{\"command\":[\"/bin/cat\"],\"timeout\":60,\"output_limit\":8000}";
	const GuestSink sink = {unwanted, get_room, take, NULL};
	json_auto json_object *wish = json_parse(text, sizeof text - 1, NULL);
	GuestExec *exec = guest_exec_start(vm, wish, NULL);
	GuestEnd end;
	if (exec && guest_exec_follow(exec, &sink, &end, NULL)) {
		g_assert_cmpint(end.code, >=, -1);
		g_assert_cmpint(end.signal, >=, 0);
		g_assert_cmpint(end.signal, <, 128);
	}
	guest_exec_free(exec);
}

static void run_get(Vm *vm)
{
	gint64 size = 0;
	GuestGet *get = guest_get_open(vm, "/etc/motd", &size, NULL);
	if (get) {
		g_assert_cmpint(size, >=, 0);
		g_assert_cmpint(size, <=, GUEST_FILE_MAX);
		guest_get_send(get, now.pair[0], is_wanted, NULL, NULL);
	}
	guest_get_free(get);
}

static void run_put(Vm *vm)
{
	fd_auto int source = memfd_create("put", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(source, PUT_SIZE), ==, 0);
	check_shown(guest_put(vm, "/etc/motd", PUT_SIZE, -1, source, is_wanted, NULL, NULL));
}

static void run_balloon(Vm *vm)
{
	VmBalloon balloon = {0};
	if (!balloon_refresh(vm, 1, NULL))
		return;
	g_assert_true(balloon_get(vm, &balloon));
	g_assert_cmpint(balloon.total, >=, 0);
	g_assert_cmpint(balloon.used, <=, balloon.total);
	g_assert_cmpint(balloon.taken, >=, 0);
	json_object *memory = json_object_new_object();
	balloon_describe(vm, memory);
	check_shown(memory);
}

static void run_question(Vm *vm)
{
	g_autofree char *text = g_utf8_make_valid(now.at, (gssize)(now.end - now.at));
	g_auto(GStrv) events = g_strsplit(text, "\n", -1);
	g_autoptr(GArray) disks = question_find(vm, events);
	g_autofree char *reason = question_reason(vm, disks);
	g_assert_cmpuint(disks->len, <=, 2);
}

static void run_agent(Vm *vm)
{
	guint64 received = 0, sent = 0;
	gint64 at_us = 0;
	agent_refresh(vm, 1, NULL);
	check_shown(agent_addresses(vm));
	agent_read_counters(vm, "52:54:00:00:00:01", &received, &sent, &at_us);
	check_shown(agent_describe(vm));
}

static void run(Vm *vm, guint8 choice)
{
	const char *words[] = {"/bin/true", NULL};
	switch (choice % 10) {
	case 0: check_shown(tools_info(vm, NULL)); break;
	case 1: check_shown(tools_filesystems(vm, NULL)); break;
	case 2: run_exec(vm); break;
	case 3: g_free(guest_exec_run(vm, words, 60000, NULL)); break;
	case 4: run_get(vm); break;
	case 5: run_put(vm); break;
	case 6: check_shown(tools_sync_time(vm, NULL)); break;
	case 7: run_balloon(vm); break;
	case 8: run_question(vm); break;
	case 9: run_agent(vm); break;
	}
	live_memory_came(vm);
	guest_file_close_left(vm);
}

/* There is no run directory, which is warned of each time. */
static GLogWriterOutput be_silent(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data)
{
	(void)level, (void)fields, (void)count, (void)data;
	return G_LOG_WRITER_HANDLED;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	static const char hardware[] =
		"{\"name\":\"web\",\"memory\":134217728,\"memory_max\":1073741824,"
		"\"disks\":{\"root\":{\"bus\":\"virtio-scsi\",\"address\":\"scsi:0\",\"serial\":\"aa\",\"storage\":\"local\"},"
		"\"data\":{\"bus\":\"virtio-blk\",\"address\":\"pci:10.3\",\"serial\":\"bb\",\"storage\":\"local\"}},"
		"\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}}}";
	static const char document[] = "{\"name\":\"web\",\"memory\":268435456,\"memory_max\":1073741824,"
				       "\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}}}";
	static Services services = {.run_dir = "/nonexistent"};
	static gboolean silent;
	if (size < 2)
		return 0;
	if (!silent)
		g_log_set_writer_func(be_silent, NULL, NULL);
	silent = TRUE;
	now.at = (const char *)data + 1;
	now.end = (const char *)data + size;
	now.wanted = 0;
	now.taken = 0;
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, now.pair), ==, 0);
	Vm *vm = vm_new(&services, 100);
	vm->text = g_ref_string_new(document);
	vm->applied = g_ref_string_new(hardware);
	vm->memory_base = 134217728;
	vm->qmp = vm->agent = (Qmp *)&now; /* nobody looks into it */
	run(vm, data[0]);
	vm_unref(vm);
	close(now.pair[0]);
	close(now.pair[1]);
	return 0;
}
