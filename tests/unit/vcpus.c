/* CPUs of a running guest under KVM, which is not everywhere: QEMU and the agent are played. */
#include "guest/live/vcpus.h"

#include "base/error.h"
#include "guests-fixture.h"
#include "played-qmp.h"

typedef struct Played {
	gboolean present[16];
	guint used;            /* by the guest's system */
	gboolean stubborn;     /* the guest lets go of none */
	guint full_at;         /* QEMU takes no CPU with this index */
	GString *said;         /* what was asked that changes something */
} Played;
static Played played;

void __wrap_task_step(Task *task, const char *format, ...);
void __wrap_task_step(Task *task, const char *format, ...)
{
	(void)task, (void)format;
}

void __wrap_task_log(Task *task, const char *format, ...);
void __wrap_task_log(Task *task, const char *format, ...)
{
	(void)task, (void)format;
}

gboolean __wrap_task_check_cancelled(Task *task, GError **error);
gboolean __wrap_task_check_cancelled(Task *task, GError **error)
{
	(void)task, (void)error;
	return FALSE;
}

json_object *__wrap_qmp_wait_event(Qmp *qmp, guint64 mark, const char *event, const char *device, guint timeout_ms,
				   GError **error);
json_object *__wrap_qmp_wait_event(Qmp *qmp, guint64 mark, const char *event, const char *device, guint timeout_ms,
				   GError **error)
{
	(void)qmp, (void)mark, (void)timeout_ms;
	if (g_str_equal(event, "DEVICE_DELETED") && !played.stubborn) {
		played.present[g_ascii_strtoll(device + strlen("cpu"), NULL, 10)] = FALSE;
		return json_object_new_object();
	}
	error_set(error, ERROR_TIMEOUT, NULL, "no %s", event);
	return NULL;
}

static json_object *list_present(void)
{
	json_object *list = parse("[{\"cpu-index\":-1},{\"cpu-index\":99999},{\"cpu-index\":\"x\"},{}]");
	for (gint64 i = 0; i < (gint64)G_N_ELEMENTS(played.present); i++) {
		json_object *item = json_object_new_object();
		json_set_int(item, "cpu-index", i);
		if (played.present[i])
			json_object_array_add(list, item);
		else
			json_object_put(item);
	}
	return list;
}

/* The guest's system has them, and uses the first ones. */
static json_object *list_used(void)
{
	json_object *list = json_object_new_array();
	for (guint i = 0, seen = 0; i < G_N_ELEMENTS(played.present); i++) {
		if (!played.present[i])
			continue;
		json_object *item = json_object_new_object();
		json_set_int(item, "logical-id", i);
		json_set_bool(item, "online", seen++ < played.used);
		json_object_array_add(list, item);
	}
	return list;
}

static json_object *play(const char *command, json_object *arguments, GError **error)
{
	if (g_str_equal(command, "query-cpus-fast"))
		return list_present();
	if (g_str_equal(command, "guest-get-vcpus"))
		return list_used();
	if (g_str_equal(command, "device_add")) {
		guint index =
			(guint)(json_get_int(arguments, "socket-id", 0) * 4 + json_get_int(arguments, "core-id", 0));
		if (played.full_at && index >= played.full_at) {
			error_set(error, ERROR_FAILED, NULL, "no room");
			return NULL;
		}
		played.present[index] = TRUE;
		g_string_append_printf(played.said, "+%s=%s ", json_get_str(arguments, "id", ""),
				       json_get_str(arguments, "driver", ""));
		return json_object_new_object();
	}
	if (g_str_equal(command, "device_del")) {
		g_string_append_printf(played.said, "-%s ", json_get_str(arguments, "id", ""));
		return json_object_new_object();
	}
	if (g_str_equal(command, "guest-set-vcpus")) {
		json_object *list = json_get(arguments, "vcpus");
		for (gsize i = 0; i < json_get_count(list); i++)
			g_string_append_printf(played.said, "on%d ",
					       (int)json_get_int(json_object_array_get_idx(list, i), "logical-id", -1));
		played.used += (guint)json_get_count(list);
		return json_object_new_int64((gint64)json_get_count(list));
	}
	error_set(error, ERROR_FAILED, NULL, "'%s' was not to be asked", command);
	return NULL;
}

static QemuHost with_kvm = {.kvm = TRUE}, without_kvm;

typedef struct Case {
	const char *had, *wanted; /* `online` and more of `cpu` */
	gboolean kvm;
	const char *hindrance; /* part of it */
	const char *said;
	int has;               /* what is recorded; 0: no number */
	gboolean fails;
	guint used, full_at;
	gboolean stubborn;
} Case;

static const Case cases[] = {
	{"\"online\":2", "\"online\":4", TRUE, NULL, "+cpu2=Nehalem-x86_64-cpu +cpu3=Nehalem-x86_64-cpu on2 on3 ", 4,
	 .used = 2},
	/* it switches on by itself */
	{"\"online\":2", "\"online\":3", FALSE, NULL, "+cpu2=Nehalem-x86_64-cpu ", 3, .used = 3},
	{"\"online\":2", "\"sockets\":2", TRUE, "sockets", "", 2},
	{"\"online\":6,\"sockets\":2", "\"sockets\":2", TRUE, NULL,
	 "+cpu6=Nehalem-x86_64-cpu +cpu7=Nehalem-x86_64-cpu on6 on7 ", 0, .used = 6},
	{"\"online\":4", "\"online\":1", TRUE, NULL, "-cpu3 -cpu2 -cpu1 ", 1, .used = 4},
	{"\"online\":4", "\"online\":1", FALSE, "translator", "", 4, .used = 4},
	{"\"online\":4", "\"online\":2", TRUE, NULL, "-cpu3 ", 4, TRUE, .used = 4, .stubborn = TRUE},
	{"\"online\":1", "\"online\":4", TRUE, NULL, "+cpu1=Nehalem-x86_64-cpu ", 2, TRUE, .used = 1, .full_at = 2},
	{"\"shares\":50", "\"online\":2", TRUE, "without cpu.online", "", 0, .used = 4},
	{"\"online\":2", "\"online\":2,\"cores\":8", TRUE, NULL, "", 2},
};

static json_object *hardware(const char *cpu)
{
	g_autofree char *text = g_strdup_printf("{\"cpu\":{\"cores\":4,\"model\":\"Nehalem\",%s}}", cpu);
	return parse(text);
}

static void test_number(Fixture *fixture, gconstpointer data)
{
	const Case *one = data;
	g_autoptr(GError) error = NULL;
	put_guest(fixture, 100, "{\"id\":100,\"name\":\"web\"}");
	fixture->services.host = one->kvm ? &with_kvm : &without_kvm;
	g_autoptr(Vm) vm = guests_get(fixture->services.guests, 100);
	vm->qmp = vm->agent = (Qmp *)fixture;
	json_auto json_object *applied = hardware(one->had);
	json_auto json_object *wanted = hardware(one->wanted);
	json_object *cpu = json_get(applied, "cpu");
	played = (Played){.used = one->used,
			  .full_at = one->full_at,
			  .stubborn = one->stubborn,
			  .said = g_string_new(NULL)};
	for (gint64 i = 0; i < json_get_int(cpu, "online", 4); i++)
		played.present[i] = TRUE;

	const Hindrance *hindrance = live_vcpus_hindrance(vm, applied, wanted);
	g_assert_true(one->hindrance ? hindrance && strstr(hindrance->text, one->hindrance) : !hindrance);
	Live live = {vm, NULL, vm->qmp, applied, wanted};
	g_assert_true(live_vcpus_apply(&live, &error) == !one->fails);
	g_assert_true(one->fails == (error != NULL));
	g_assert_cmpstr(played.said->str, ==, one->said);
	g_assert_cmpint(json_get_int(json_get(applied, "cpu"), "online", 0), ==, one->has);
	/* Another try finds what there is, and does what is left. */
	if (one->fails) {
		g_string_truncate(played.said, 0);
		g_clear_error(&error);
		played.full_at = 0, played.stubborn = FALSE;
		g_assert_true(live_vcpus_apply(&live, &error));
		g_assert_no_error(error);
		g_assert_cmpint(json_get_int(json_get(applied, "cpu"), "online", 0), ==,
				json_get_int(json_get(wanted, "cpu"), "online", 0));
	}
	vm->qmp = vm->agent = NULL;
	g_string_free(played.said, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name =
			g_strdup_printf("/vcpus/%s to %s %s KVM%s", cases[i].had, cases[i].wanted,
					cases[i].kvm ? "with" : "without", cases[i].fails ? ", not at once" : "");
		g_test_add(name, Fixture, &cases[i], set_up, test_number, tear_down);
	}
	return g_test_run();
}
