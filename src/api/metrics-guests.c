/* Metrics of guests and of storages.
 *
 * What the host knows is read at once. What only QEMU knows (disks), and what a file system has to say, is asked by a few
 * threads at the same time, each question for a short while, all of them up to the deadline: what has not been
 * answered then is left out. The threads belong to one page; one that comes late finds its page gone, and ends. What
 * hangs for good keeps its thread, so that there is a bound to all of them. */
#include "api/metrics.h"

#include "base/json.h"
#include "guest/guests.h"
#include "guest/run/stats.h"
#include "guest/tools/agent.h"
#include "guest/vm.h"

enum { THREADS = 16, THREADS_ALL = 64, QUESTION_MS = 500 };

static GMutex threads_lock;
static GCond threads_ended;
static guint threads;

/* One page's questions; its threads hold it as long as they are at work. */
typedef struct Round {
	gatomicrefcount refs;
	Services *services;
	GMutex lock;
	GCond answered;
	GQueue questions; /* Question, not yet taken; owned */
	GQueue answers;   /* Question, answered; owned */
	guint open;       /* not answered */
	gboolean over;    /* nobody waits any more */
} Round;

typedef struct Question {
	Vm *vm;        /* either a guest's disks… */
	char *storage; /* …or a storage */
	json_object *disks;
	gboolean usable;
	StorageSpace space;
} Question;

static void question_free(gpointer data)
{
	Question *question = data;
	if (question->vm)
		vm_unref(question->vm);
	if (question->disks)
		json_object_put(question->disks);
	g_free(question->storage);
	g_free(question);
}

static void round_unref(Round *round)
{
	if (!g_atomic_ref_count_dec(&round->refs))
		return;
	g_queue_clear_full(&round->questions, question_free);
	g_queue_clear_full(&round->answers, question_free);
	g_cond_clear(&round->answered);
	g_mutex_clear(&round->lock);
	g_free(round);
}

static void ask(Round *round, Question *question)
{
	if (question->vm) {
		question->disks = vm_stats_of_disks(question->vm, QUESTION_MS, NULL);
		return;
	}
	StorageContext *context = &round->services->storage;
	question->usable = storage_check(context, question->storage, NULL) &&
			   storage_space(context, question->storage, &question->space, NULL);
}

static gpointer run(gpointer data)
{
	Round *round = data;
	g_mutex_lock(&round->lock);
	for (Question *question; !round->over && (question = g_queue_pop_head(&round->questions));) {
		g_mutex_unlock(&round->lock);
		ask(round, question);
		g_mutex_lock(&round->lock);
		g_queue_push_tail(&round->answers, question);
		round->open--;
		g_cond_signal(&round->answered);
	}
	g_mutex_unlock(&round->lock);
	round_unref(round);
	g_mutex_lock(&threads_lock);
	threads--;
	g_cond_signal(&threads_ended);
	g_mutex_unlock(&threads_lock);
	return NULL;
}

void metrics_stop(void)
{
	g_mutex_lock(&threads_lock);
	while (threads > 0)
		g_cond_wait(&threads_ended, &threads_lock);
	g_mutex_unlock(&threads_lock);
}

static void add_question(Round *round, Vm *vm, const char *storage)
{
	Question *question = g_new0(Question, 1);
	question->vm = vm ? vm_ref(vm) : NULL;
	question->storage = g_strdup(storage);
	g_queue_push_tail(&round->questions, question);
	round->open++;
}

static void start_threads(Round *round)
{
	guint wanted = MIN(THREADS, round->open); /* nobody answers yet */
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&threads_lock);
	for (guint i = 0; i < wanted && threads < THREADS_ALL; i++) {
		g_atomic_ref_count_inc(&round->refs);
		GThread *thread = g_thread_try_new("metrics", run, round, NULL);
		if (!thread) {
			round_unref(round);
			break;
		}
		threads++;
		g_thread_unref(thread);
	}
}

static void add_number(MetricsPage *page, const char *name, json_object *json, const char *key, double scale,
		       const char *const *labels)
{
	if (json_get(json, key)) /* else it is not known */
		metrics_add(page, name, (double)json_get_int(json, key, 0) * scale, labels);
}

static void add_disks(MetricsPage *page, const char *id, const char *name, json_object *disks)
{
	json_object_object_foreach (disks, key, disk) {
		const char *const labels[] = {"id", id, "name", name, "disk", key, NULL};
		add_number(page, "yado_vm_disk_read_bytes_total", disk, "read_bytes", 1, labels);
		add_number(page, "yado_vm_disk_written_bytes_total", disk, "write_bytes", 1, labels);
		add_number(page, "yado_vm_disk_reads_total", disk, "reads", 1, labels);
		add_number(page, "yado_vm_disk_writes_total", disk, "writes", 1, labels);
	}
}

static void add_answer(MetricsPage *page, const Question *question)
{
	if (question->vm) {
		g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, question->vm->id);
		g_autofree char *name = vm_dup_name(question->vm);
		if (question->disks)
			add_disks(page, id, name, question->disks);
		return;
	}
	const char *const labels[] = {"storage", question->storage, NULL};
	metrics_add(page, "yado_storage_usable", question->usable, labels);
	if (!question->usable)
		return;
	metrics_add(page, "yado_storage_size_bytes", (double)question->space.total, labels);
	metrics_add(page, "yado_storage_free_bytes", (double)question->space.free, labels);
}

static void add_answers(MetricsPage *page, Round *round, gint64 deadline_us)
{
	start_threads(round);
	g_mutex_lock(&round->lock);
	while (round->open > 0)
		if (!g_cond_wait_until(&round->answered, &round->lock, deadline_us))
			break;
	round->over = TRUE;
	for (GList *link = round->answers.head; link; link = link->next)
		add_answer(page, link->data);
	g_mutex_unlock(&round->lock);
}

static void add_running(MetricsPage *page, Vm *vm, const char *id, const char *name)
{
	const char *const labels[] = {"id", id, "name", name, NULL};
	json_auto json_object *stats = vm_stats_of_host(vm);
	if (!stats)
		return;
	json_object *cpu = json_get(stats, "cpu"), *memory = json_get(stats, "memory"), *nics = json_get(stats, "nics");
	add_number(page, "yado_vm_cpu_seconds_total", cpu, "usec", 1e-6, labels);
	add_number(page, "yado_vm_vcpus", cpu, "vcpus", 1, labels);
	add_number(page, "yado_vm_memory_limit_bytes", memory, "limit", 1, labels);
	add_number(page, "yado_vm_memory_used_bytes", memory, "used", 1, labels);
	add_number(page, "yado_vm_memory_guest_total_bytes", memory, "guest_total", 1, labels);
	add_number(page, "yado_vm_memory_guest_used_bytes", memory, "guest_used", 1, labels);
	add_number(page, "yado_vm_memory_taken_back_bytes", memory, "taken_back", 1, labels);
	json_object_object_foreach (nics, key, nic) {
		const char *const nic_labels[] = {"id", id, "name", name, "nic", key, NULL};
		add_number(page, "yado_vm_nic_received_bytes_total", nic, "rx_bytes", 1, nic_labels);
		add_number(page, "yado_vm_nic_sent_bytes_total", nic, "tx_bytes", 1, nic_labels);
	}
	g_mutex_lock(&vm->lock);
	gboolean agent = vm->agent != NULL;
	g_mutex_unlock(&vm->lock);
	metrics_add(page, "yado_vm_agent_connected", agent, labels);
}

static void add_guest(MetricsPage *page, Vm *vm, VmState state)
{
	g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, vm->id);
	g_autofree char *name = vm_dup_name(vm);
	const char *const labels[] = {"id", id, "name", name, NULL};
	const char *const state_labels[] = {"id", id, "name", name, "state", vm_state_name(state), NULL};
	metrics_add(page, "yado_vm_state", 1, state_labels);
	metrics_add(page, "yado_vm_up", vm_state_is_alive(state), labels);
	if (vm_state_is_alive(state))
		add_running(page, vm, id, name);
}

void metrics_add_guests(MetricsPage *page, Services *services, gint64 deadline_us)
{
	guint in_state[VM_UNKNOWN + 1] = {0};
	Round *round = g_new0(Round, 1);
	g_atomic_ref_count_init(&round->refs);
	round->services = services;
	g_mutex_init(&round->lock);
	g_cond_init(&round->answered);
	g_autoptr(GPtrArray) vms = guests_list(services->guests, 0, 0);
	for (guint i = 0; i < vms->len; i++) {
		Vm *vm = g_ptr_array_index(vms, i);
		VmState state = vm_get_state(vm);
		in_state[state]++;
		add_guest(page, vm, state);
		/* One whose monitor is known not to answer would only use up the others' time. */
		if (vm_state_is_alive(state) && state != VM_STARTING && state != VM_UNKNOWN)
			add_question(round, vm, NULL);
	}
	for (guint i = 0; i < G_N_ELEMENTS(in_state); i++) {
		const char *const labels[] = {"state", vm_state_name((VmState)i), NULL};
		metrics_add(page, "yado_vms", in_state[i], labels);
	}
	g_autoptr(GPtrArray) storages = store_list(services->store, "storage/", NULL);
	for (guint i = 0; storages && i < storages->len; i++)
		add_question(round, NULL, json_get_str(((Doc *)storages->pdata[i])->body, "name", ""));
	add_answers(page, round, deadline_us);
	round_unref(round);
}
