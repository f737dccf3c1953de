/* A few threads ask, each one guest at a time and for a short while, so that a QEMU that is stuck takes a thread for
 * half a second and holds up nobody else. The threads end by themselves when nothing is asked. */
#include "measure/asking.h"

#include "guest/resources/balloon.h"
#include "guest/tools/agent.h"

enum { THREADS = 16, QUESTION_MS = 500 };

struct Asking {
	GMutex lock;
	GCond answered;
	guint awaited, round; /* of this round, which ends with asking_wait() */
	gint stopping;        /* atomic */
	GThreadPool *threads;
};

struct Question {
	gatomicrefcount refs; /* who asked, and the thread */
	Asking *asking;
	Vm *vm;
	gboolean with_agent;
	gboolean awaited;
	guint round;
	gboolean answered; /* below the lock of all, with the next */
	Counters disks;
};

void question_unref(Question *question)
{
	if (!question || !g_atomic_ref_count_dec(&question->refs))
		return;
	vm_unref(question->vm);
	g_free(question);
}

static void answer(Question *question, const Counters *disks)
{
	Asking *asking = question->asking;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&asking->lock);
	question->answered = TRUE;
	question->disks = *disks;
	if (question->awaited && question->round == asking->round && --asking->awaited == 0)
		g_cond_signal(&asking->answered);
}

static void ask(gpointer data, gpointer user_data)
{
	Question *question = data;
	Asking *asking = user_data;
	Counters disks = {0};
	if (!g_atomic_int_get(&asking->stopping) && vm_read_disk_counters(question->vm, QUESTION_MS, &disks, NULL))
		balloon_refresh(question->vm, QUESTION_MS, NULL);
	answer(question, &disks);
	if (question->with_agent && !g_atomic_int_get(&asking->stopping))
		agent_refresh(question->vm, QUESTION_MS, NULL);
	question_unref(question);
}

Asking *asking_new(void)
{
	Asking *asking = g_new0(Asking, 1);
	g_mutex_init(&asking->lock);
	g_cond_init(&asking->answered);
	asking->threads = g_thread_pool_new(ask, asking, THREADS, FALSE, NULL);
	return asking;
}

void asking_free(Asking *asking)
{
	if (!asking)
		return;
	g_atomic_int_set(&asking->stopping, TRUE);
	g_thread_pool_free(asking->threads, FALSE, TRUE);
	g_cond_clear(&asking->answered);
	g_mutex_clear(&asking->lock);
	g_free(asking);
}

Question *asking_ask(Asking *asking, Vm *vm, gboolean with_agent, gboolean awaited)
{
	Question *question = g_new0(Question, 1);
	g_atomic_ref_count_init(&question->refs);
	g_atomic_ref_count_inc(&question->refs);
	question->asking = asking;
	question->vm = vm_ref(vm);
	question->with_agent = with_agent;
	question->awaited = awaited;
	g_mutex_lock(&asking->lock);
	question->round = asking->round;
	asking->awaited += awaited;
	g_mutex_unlock(&asking->lock);
	/* If no thread can be started now, the next one that ends takes it. */
	g_thread_pool_push(asking->threads, question, NULL);
	return question;
}

void asking_wait(Asking *asking, gint64 deadline_us)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&asking->lock);
	while (asking->awaited > 0 && g_cond_wait_until(&asking->answered, &asking->lock, deadline_us))
		;
	asking->awaited = 0;
	asking->round++;
}

gboolean question_read(Question *question, Counters *ret_disks)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&question->asking->lock);
	if (question->answered)
		*ret_disks = question->disks;
	return question->answered;
}
