/* QEMU and the guest agent played by a test: the linker has the code under test come here instead of to qemu/qmp.c
 * (--wrap, see meson.build), so nothing is connected and nothing waits. vm->qmp and vm->agent may be any pointer. */
#pragma once
#include "base/json.h"
#include "qemu/qmp.h"

/* The test's own: a command's answer. New reference, or NULL with the error. */
static json_object *play(const char *command, json_object *arguments, GError **error);

Qmp *__wrap_qmp_ref(Qmp *qmp);
void __wrap_qmp_unref(Qmp *qmp);
void __wrap_qmp_close(Qmp *qmp);
gboolean __wrap_qmp_is_open(Qmp *qmp);
guint64 __wrap_qmp_event_mark(Qmp *qmp);
json_object *__wrap_qmp_command(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms,
				GError **error);
gboolean __wrap_qmp_do(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error);

Qmp *__wrap_qmp_ref(Qmp *qmp)
{
	return qmp;
}

void __wrap_qmp_unref(Qmp *qmp)
{
	(void)qmp;
}

void __wrap_qmp_close(Qmp *qmp)
{
	(void)qmp;
}

gboolean __wrap_qmp_is_open(Qmp *qmp)
{
	return qmp != NULL;
}

guint64 __wrap_qmp_event_mark(Qmp *qmp)
{
	(void)qmp;
	return 0;
}

json_object *__wrap_qmp_command(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error)
{
	(void)qmp, (void)timeout_ms;
	json_auto json_object *owned = arguments;
	return play(command, owned, error);
}

gboolean __wrap_qmp_do(Qmp *qmp, const char *command, json_object *arguments, guint timeout_ms, GError **error)
{
	json_auto json_object *value = __wrap_qmp_command(qmp, command, arguments, timeout_ms, error);
	return value != NULL;
}
