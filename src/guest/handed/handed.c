/* What a guest is handed; see handed.h. */
#include "guest/handed/handed.h"

#include <string.h>

#include "access/password.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory-file.h"
#include "guest/guests.h"
#include "guest/handed/cloud-init.h"
#include "guest/handed/cloudbase-init.h"
#include "guest/handed/content.h"
#include "guest/handed/seed.h"
#include "guest/plan.h"
#include "guest/prepare/prepare.h"
#include "qemu/command.h"
#include "schema/schema.h"

static const struct {
	const char *secret; /* in its name */
	const char *object, *marker; /* where the document says that there is one; no marker: the object itself */
} kinds[] = {
	[HANDED_USER_DATA] = {"user-data", "cloud_init", "user_data"},
	[HANDED_PASSWORD] = {"password", "cloud_init", "password_set"},
	[HANDED_ANSWERS] = {"answers", "answers", NULL},
};

static const struct {
	const char *kind, *label, *file;
	const char *boot_line; /* what has to be added to the installer's boot line; NULL: it finds them by itself */
} installers[] = {
	{"kickstart", "OEMDRV", "ks.cfg", NULL},
	{"autounattend", "UNATTEND", "autounattend.xml", NULL},
	/* The command runs twice: early, when the drive is mounted, and after the file was read, if that has none of
	 * its own. busybox's mount loads no file system's module by itself, so it has to be told which. */
	{"preseed", "PRESEED", "preseed.cfg",
	 "auto=true priority=critical preseed/file=/media/preseed.cfg "
	 "preseed/early_command=\"mount -t iso9660 /dev/disk/by-label/PRESEED /media || true\""},
};

static char *secret_name(gint64 id, Handed what)
{
	return g_strdup_printf("vm-handed/%" G_GINT64_FORMAT "/%s", id, kinds[what].secret);
}

static json_object *marker_of(json_object *document, Handed what)
{
	json_object *object = json_get(document, kinds[what].object);
	return kinds[what].marker ? json_get(object, kinds[what].marker) : object;
}

/* *ret_text NULL if the document has none. */
static gboolean read_secret(Services *services, json_object *document, Handed what, char **ret_text, GError **error)
{
	void *value = NULL;
	gsize length = 0;
	*ret_text = NULL;
	if (!marker_of(document, what))
		return TRUE;
	g_autofree char *name = secret_name(json_get_int(document, "id", 0), what);
	if (!store_secret_get(services->store, name, &value, &length, error)) {
		g_prefix_error(error, "cannot read the guest's %s: ", kinds[what].secret);
		return FALSE;
	}
	*ret_text = value;
	return TRUE;
}

/* ---- handing over ---- */

static json_object *describe_content(const char *content)
{
	json_object *marker = json_object_new_object();
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, content, -1);
	json_set_int(marker, "size", (gint64)strlen(content));
	json_set_str(marker, "sha256", sum);
	return marker;
}

static json_object *describe_answers(json_object *present, json_object *request)
{
	json_object *answers = describe_content(json_get_str(request, "content", ""));
	json_object *old = json_get(present, "answers");
	json_set_str(answers, "kind", json_get_str(request, "kind", ""));
	json_set_str(answers, "bus", json_get_str(request, "bus", "sata"));
	/* It keeps its place, if that is on the bus. */
	if (old && json_get(old, "address"))
		json_set_str(answers, "address", json_get_str(old, "address", NULL));
	return answers;
}

/* The document without the fields that only Yado sets is as before; those are set here. */
static json_object *change_document(Vm *vm, json_object *present, Handed what, json_object *request, GError **error)
{
	json_auto json_object *patch = json_object_new_object();
	if (request && what == HANDED_PASSWORD && cloudbase_reads(present)) {
		error_set_field(error, ERROR_UNSUPPORTED, "password",
				"have the guest's agent set it ('yado vm set-password'), or a script of your own "
				"('yado vm user-data')",
				"password: cloudbase-init, which reads the drive on Windows, knows nothing of the hash "
				"that is kept of it");
		return NULL;
	}
	gboolean cloud = what != HANDED_ANSWERS;
	if (request && cloud && !json_get(present, "cloud_init"))
		json_set(patch, "cloud_init", json_object_new_object());
	json_auto json_object *wanted = prepare_change(vm->services, present, patch, error);
	if (!wanted)
		return NULL;
	json_object *object = cloud ? json_get(wanted, "cloud_init") : wanted;
	const char *marker = cloud ? kinds[what].marker : kinds[what].object;
	if (!request) {
		if (object)
			json_object_object_del(object, marker);
	} else if (what == HANDED_PASSWORD) {
		g_autoptr(GDateTime) now = g_date_time_new_now_utc();
		g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
		json_set_str(object, marker, time);
	} else {
		json_set(object, marker,
			 what == HANDED_ANSWERS ? describe_answers(present, request)
						: describe_content(json_get_str(request, "content", "")));
	}
	if (!qemu_assign_addresses(wanted, error) || !prepare_check(vm->services, present, wanted, error))
		return NULL;
	return json_object_get(wanted);
}

Plan *handed_plan(Vm *vm, Handed what, json_object *request, GError **error)
{
	gint64 rev = 0;
	json_auto json_object *present = vm_dup_document(vm, &rev);
	if (request && !handed_check_content(what, request, error))
		return NULL;
	json_auto json_object *wanted = change_document(vm, present, what, request, error);
	return wanted ? plan_compare(vm, present, rev, wanted) : NULL;
}

static gboolean add_secret(Vm *vm, Batch *batch, Handed what, json_object *request, GError **error)
{
	g_autofree char *name = secret_name(vm->id, what);
	const char *content = json_get_str(request, "content", "");
	if (what != HANDED_PASSWORD)
		return batch_set_secret(vm->services->store, batch, name, content, strlen(content), error);
	char *hash = password_hash_for_guest(json_get_str(request, "password", ""), error);
	gboolean ok = hash && batch_set_secret(vm->services->store, batch, name, hash, strlen(hash), error);
	secret_free(hash);
	return ok;
}

gboolean handed_apply(Vm *vm, Plan *plan, Handed what, json_object *request, const char *user, GError **error)
{
	g_autofree char *path = g_strdup_printf("vm/%" G_GINT64_FORMAT, vm->id);
	g_autoptr(Batch) batch = batch_new(user, 0);
	g_autoptr(GError) local = NULL;
	json_auto json_object *present = vm_dup_document(vm, NULL);
	batch_put(batch, path, plan->rev, plan->document);
	if (request ? !add_secret(vm, batch, what, request, error) : FALSE)
		return FALSE;
	if (!request)
		handed_drop_secrets(batch, vm->id, present, plan->document);
	if (store_commit(vm->services->store, batch, &local))
		return TRUE;
	if (error_code(local) == ERROR_STALE)
		plan_explain_stale(vm, plan->rev, error);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

void handed_drop_secrets(Batch *batch, gint64 id, json_object *present, json_object *wanted)
{
	for (guint what = 0; what < G_N_ELEMENTS(kinds); what++) {
		if (!marker_of(present, what) || marker_of(wanted, what))
			continue;
		g_autofree char *name = secret_name(id, what);
		batch_drop_secret(batch, name);
	}
}

void handed_keep(json_object *present, json_object *document)
{
	for (guint what = 0; what < G_N_ELEMENTS(kinds); what++) {
		json_object *object = kinds[what].marker ? json_get(document, kinds[what].object) : document;
		const char *name = kinds[what].marker ? kinds[what].marker : kinds[what].object;
		json_object *marker = marker_of(present, what);
		if (object && marker)
			json_set(object, name, json_copy(marker));
		else if (object)
			json_object_object_del(object, name);
	}
}

gboolean handed_starts_over(json_object *present, json_object *wanted)
{
	if (!qemu_has_handed(present, "cloud_init") || !qemu_has_handed(wanted, "cloud_init"))
		return FALSE;
	for (guint what = 0; what < G_N_ELEMENTS(kinds); what++)
		if (what != HANDED_ANSWERS && !json_equal(marker_of(present, what), marker_of(wanted, what)))
			return TRUE;
	json_auto json_object *before = cloud_init_files(present, NULL, NULL),
			      *after = cloud_init_files(wanted, NULL, NULL);
	return !json_equal(before, after);
}

/* ---- the drives ---- */

static json_object *answer_files(json_object *answers, const char *content, const char **ret_label)
{
	json_object *files = json_object_new_object();
	for (guint i = 0; i < G_N_ELEMENTS(installers); i++)
		if (g_str_equal(installers[i].kind, json_get_str(answers, "kind", ""))) {
			json_set_str(files, installers[i].file, content);
			*ret_label = installers[i].label;
		}
	return files;
}

static void hide_in(json_object *files, const char *secret)
{
	static const char *const names[] = {"user-data", "vendor-data"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *text = json_get_str(files, names[i], NULL);
		g_auto(GStrv) parts = text ? g_strsplit(text, secret, -1) : NULL;
		g_autofree char *hidden = parts ? g_strjoinv("(set)", parts) : NULL;
		if (hidden)
			json_set_str(files, names[i], hidden);
	}
}

/* `shown`: for people, so the password's hash is not in it. */
static json_object *make_files(Services *services, json_object *document, const char *name, gboolean shown,
			       const char **ret_label, GError **error)
{
	json_object *files = NULL;
	char *content = NULL, *hash = NULL;
	if (g_str_equal(name, "answers")) {
		if (read_secret(services, document, HANDED_ANSWERS, &content, error))
			files = answer_files(json_get(document, "answers"), content, ret_label);
	} else if (read_secret(services, document, HANDED_USER_DATA, &content, error) &&
		   read_secret(services, document, HANDED_PASSWORD, &hash, error)) {
		*ret_label = "CIDATA";
		files = cloud_init_files(document, hash, content);
		if (shown && hash)
			hide_in(files, hash);
	}
	secret_free(content);
	secret_free(hash);
	return files;
}

int handed_open_drive(Services *services, json_object *document, const char *name, GError **error)
{
	const char *label = NULL;
	json_auto json_object *files = make_files(services, document, name, FALSE, &label, error);
	return files ? seed_make(services->run_dir, label, files, error) : -1;
}

int handed_open_guestinfo(json_object *document, const char *key, GError **error)
{
	const char *value = json_get_str(json_get(json_get(document, "guestinfo"), key), "value", "");
	return memory_file_from("guestinfo", value, strlen(value), error);
}

static gboolean was_given(json_object *document, const char *drive, const char *file)
{
	return g_str_equal(drive, "answers") ||
	       (g_str_equal(file, "user-data") && marker_of(document, HANDED_USER_DATA));
}

static const char *boot_line_of(json_object *document)
{
	const char *kind = json_get_str(json_get(document, "answers"), "kind", "");
	for (guint i = 0; i < G_N_ELEMENTS(installers); i++)
		if (g_str_equal(installers[i].kind, kind))
			return installers[i].boot_line;
	return NULL;
}

json_object *handed_describe(Services *services, json_object *document, GError **error)
{
	static const char *const drives[] = {"cloud_init", "answers"};
	json_auto json_object *answer = json_object_new_object();
	json_object *list = json_object_new_array();
	json_set(answer, "files", list);
	json_set_str(answer, "boot_line", boot_line_of(document));
	for (guint i = 0; i < G_N_ELEMENTS(drives); i++) {
		const char *label = NULL;
		if (!qemu_has_handed(document, drives[i]))
			continue;
		json_auto json_object *files = make_files(services, document, drives[i], TRUE, &label, error);
		if (!files)
			return NULL;
		json_object_object_foreach (files, name, content) {
			const char *text = json_object_get_string(content);
			gboolean given = was_given(document, drives[i], name);
			json_object *file = given ? describe_content(text) : json_object_new_object();
			json_set_str(file, "drive", label);
			json_set_str(file, "name", name);
			json_set_int(file, "size", (gint64)strlen(text));
			if (!given)
				json_set_str(file, "content", text);
			json_object_array_add(list, file);
		}
	}
	return json_object_get(answer);
}
