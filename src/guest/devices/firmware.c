/* Firmware files and volumes of guests. */
#include "guest/devices/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "guest/devices/tpm.h"

#define OVMF "/usr/share/OVMF/OVMF_"

/* swtpm writes some kilobytes; as much as others give it, since the file is sparse. */
enum { TPM_STATE_BYTES = 4 << 20 };

static gboolean is_uefi(json_object *document)
{
	return g_str_equal(json_get_str(document, "firmware", ""), "uefi");
}

/* Debian's builds: one with Secure Boot, which needs system management mode, and variables in which Microsoft's keys
 * are. */
static const char *code_path(json_object *document)
{
	return json_get_bool(document, "secure_boot", FALSE) ? OVMF "CODE_4M.secboot.fd" : OVMF "CODE_4M.fd";
}

static const char *variables_path(json_object *document)
{
	return json_get_bool(document, "secure_boot", FALSE) ? OVMF "VARS_4M.ms.fd" : OVMF "VARS_4M.fd";
}

static int open_file(json_object *document, const char *path, GError **error)
{
	gboolean secure = json_get_bool(document, "secure_boot", FALSE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		error_set_field(error, ERROR_UNSUPPORTED, secure ? "secure_boot" : "firmware",
				secure ? "install it (apt install ovmf) or do without Secure Boot"
				       : "install it (apt install ovmf) or use firmware 'bios'",
				"UEFI firmware%s is not installed on this node: '%s': %s",
				secure ? " with Secure Boot" : "", path, g_strerror(errno));
	return fd;
}

int firmware_open_code(json_object *document, GError **error)
{
	return open_file(document, code_path(document), error);
}

char *firmware_volume_name(gint64 vm, const char *role)
{
	return g_strdup_printf("vm-%" G_GINT64_FORMAT "-%s", vm, role);
}

char *firmware_find_volume(Services *services, gint64 vm, const char *role, GError **error)
{
	g_autofree char *name = firmware_volume_name(vm, role);
	g_autoptr(GPtrArray) storages = store_list(services->store, "storage/", error);
	for (guint i = 0; storages && i < storages->len; i++) {
		const char *storage = json_get_str(((Doc *)g_ptr_array_index(storages, i))->body, "name", "");
		json_auto json_object *volume = volume_get(&services->storage, storage, name, NULL);
		if (g_str_equal(json_get_str(volume, "role", ""), role))
			return g_strdup(storage);
	}
	if (storages)
		error_set_field(error, ERROR_CONFLICT, role,
				"what was deleted with its volumes comes back only from a backup",
				"the volume '%s' of the %s is gone", name, g_str_equal(role, "tpm") ? "TPM" : role);
	return NULL;
}

int firmware_open_volume(Services *services, gint64 vm, const char *role, GError **error)
{
	g_autofree char *name = firmware_volume_name(vm, role);
	g_autofree char *storage = firmware_find_volume(services, vm, role, error);
	return storage ? volume_open(&services->storage, storage, name, TRUE, error) : -1;
}

static gboolean check_secure_boot(json_object *document, GError **error)
{
	const char *hint = NULL, *why = NULL;
	if (!is_uefi(document)) {
		hint = "choose firmware 'uefi'";
		why = "Secure Boot is a matter of UEFI firmware";
	} else if (json_get(document, "kernel")) {
		hint = "use an image with a boot loader, or do without Secure Boot";
		why = "a kernel that is started directly has no signature that the firmware knows";
	}
	if (why) {
		error_set_field(error, ERROR_INVALID, "secure_boot", hint, "%s", why);
		return FALSE;
	}
	if (!json_get_bool(document, "sleep", FALSE))
		return TRUE;
	error_set_field(error, ERROR_INVALID, "sleep", "do without one of the two",
			"a guest with Secure Boot cannot sleep: "
			"its firmware's variables would be open to it afterwards");
	return FALSE;
}

gint64 firmware_memory_min(gboolean kernel)
{
	return kernel ? 256LL << 20 : 64LL << 20;
}

static gboolean check_memory(json_object *present, json_object *document, GError **error)
{
	gboolean kernel = json_get(document, "kernel") != NULL;
	gint64 least = firmware_memory_min(kernel);
	if (!is_uefi(document) || json_get_int(document, "memory", 0) >= least ||
	    (present && kernel == (json_get(present, "kernel") != NULL) &&
	     json_equal(json_get(present, "memory"), json_get(document, "memory"))))
		return TRUE;
	g_autofree char *text = units_format_size((guint64)least);
	g_autofree char *hint = g_strdup_printf("give it %s at least", text);
	error_set_field(error, ERROR_INVALID, "memory", hint, "UEFI%s needs %s of memory",
			kernel ? " that starts a kernel directly" : "", text);
	return FALSE;
}

gboolean firmware_check(json_object *present, json_object *document, GError **error)
{
	if (!check_memory(present, document, error))
		return FALSE;
	if (json_get_bool(document, "secure_boot", FALSE) && !check_secure_boot(document, error))
		return FALSE;
	if (!present && is_uefi(document)) {
		fd_auto int code = firmware_open_code(document, error);
		fd_auto int variables = code < 0 ? -1 : open_file(document, variables_path(document), error);
		if (variables < 0)
			return FALSE;
	}
	return !json_get_bool(document, "tpm", FALSE) || json_get_bool(present, "tpm", FALSE) || tpm_check(error);
}

const char **firmware_missing(Services *services, json_object *document)
{
	const char **missing = g_new0(const char *, 3);
	const char *const wanted[] = {is_uefi(document) ? "firmware" : NULL,
				      json_get_bool(document, "tpm", FALSE) ? "tpm" : NULL};
	guint count = 0;
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *storage =
			wanted[i] ? firmware_find_volume(services, json_get_int(document, "id", 0), wanted[i], NULL)
				  : NULL;
		if (wanted[i] && !storage)
			missing[count++] = wanted[i];
	}
	return missing;
}

/* With the first disk, so that they begin together. */
static const char *first_storage(json_object *document)
{
	json_object *disks = json_get(document, "disks");
	json_object_object_foreach (disks, key, disk) {
		(void)key;
		return json_get_str(disk, "storage", "local");
	}
	return "local";
}

static gboolean create_one(Services *services, Task *task, json_object *document, const char *role, GError **error)
{
	gint64 vm = json_get_int(document, "id", 0);
	g_autofree char *name = firmware_volume_name(vm, role);
	VolumeSpec spec = {.storage = first_storage(document), .name = name, .format = "raw", .role = role, .vm = vm,
			   .source_fd = -1, .size = TPM_STATE_BYTES};
	fd_auto int template = -1;
	struct stat info;
	if (g_str_equal(role, "firmware")) {
		template = open_file(document, variables_path(document), error);
		if (template < 0)
			return FALSE;
		if (fstat(template, &info) < 0) {
			error_set_errno(error, errno, "cannot look at '%s'", variables_path(document));
			return FALSE;
		}
		spec.source_fd = template;
		spec.source_format = "raw";
		spec.size = spec.source_size = (guint64)info.st_size;
	}
	return volume_create(&services->storage, task, &spec, error);
}

gboolean firmware_create_missing(Services *services, Task *task, json_object *document, GError **error)
{
	g_autofree const char **missing = firmware_missing(services, document);
	for (const char **role = missing; *role; role++)
		if (!create_one(services, task, document, *role, error))
			return FALSE;
	return TRUE;
}
