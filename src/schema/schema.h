/* Field tables: every resource is declared once as a static table; validation, defaults, the command's flags and
 * help, completion, the reference and the OpenAPI document are all derived from it.
 *
 * A document is checked in one of two ways:
 *   create  what a client sends to make an object: unknown fields, read-only fields, missing required fields and
 *           values out of bounds are refused; what is missing gets its default.
 *   change  an old document and a merge patch (RFC 7396): fixed and read-only fields may be repeated with their
 *           present value but not changed; null removes (and gives the default back, if there is one).
 * Errors are ERROR_INVALID with the dotted path of the field ("disks.disk0.size") and say what is allowed. */
#pragma once
#include <glib.h>
#include <json-c/json.h>

typedef enum FieldType {
	FIELD_STRING, /* min/max: length in characters */
	FIELD_BOOL,
	FIELD_INT,    /* min/max inclusive */
	FIELD_SIZE,   /* bytes; min/max inclusive; people write 10G */
	FIELD_ENUM,   /* one of `values` */
	FIELD_LIST,   /* array of strings, each passing `check`, no duplicates; min/max: count */
	FIELD_OBJECT, /* fields of `table` */
	FIELD_MAP,    /* object keyed by a permanent name (see schema_check_key), each value of `table`; max: count */
	/* In answers only, always read-only: */
	FIELD_ITEMS,  /* array of objects of `table`; of whole numbers where that is NULL */
	FIELD_NUMBERS, /* array of numbers, null for those that are not known */
	FIELD_ANY,    /* any JSON */
} FieldType;

typedef enum FieldFlags {
	FIELD_REQUIRED = 1 << 0, /* must be given at creation */
	FIELD_READONLY = 1 << 1, /* set by Yado, never by a client */
	FIELD_FIXED = 1 << 2,    /* can be given at creation, never changed */
	FIELD_LIVE = 1 << 3,     /* a change takes effect while the guest runs */
	FIELD_NULLABLE = 1 << 4, /* may be absent: has no value unless set; an answer may have null there */
	FIELD_ROW = 1 << 5,      /* shown as a column in lists by default */
	FIELD_REPEATS = 1 << 6,  /* a LIST may have the same twice: its order matters */
} FieldFlags;

typedef struct Table Table;

/* Returns NULL if the value is good, else a static phrase that completes "must …". */
typedef const char *(*FieldCheck)(const char *value);

/* Fields that a form folds up together, under a title, since most do without them. */
typedef struct FieldGroup {
	const char *name, *title, *title_ja;
} FieldGroup;

typedef struct Field {
	const char *name;
	FieldType type;
	guint flags;
	gint64 min, max;           /* of an answer's text or list, max 0: no bound */
	const char *const *values; /* ENUM; NULL-terminated */
	const char *fallback;      /* default as JSON text; NULL: none */
	const char *unit;          /* "s", "B"; for people */
	FieldCheck check;          /* STRING and LIST elements */
	const Table *table;        /* OBJECT, MAP and ITEMS */
	const char *singular;      /* MAP: the command's flag for one entry ("disk" of "disks") */
	const char *key;           /* MAP: what keys that nobody has chosen begin with; NULL: the singular */
	const FieldGroup *group;   /* one of its table's; NULL: always seen */
	const char *when;          /* "kind=pci,usb": of use only where that field beside it has one of these values */
	const char *title, *title_ja; /* of what can be set: what a form calls it; of an OBJECT, its table's */
	const char *help, *help_ja;
} Field;

struct Table {
	const char *name;            /* resource name, "vm" */
	const char *title, *title_ja; /* "Virtual machine" */
	int version;                 /* written into documents as "schema" */
	const Field *fields;         /* ends with a NULL name */
	/* of its fields, in the order in which forms show them; NULL-terminated, or NULL */
	const FieldGroup *const *groups;
};

/* New document with defaults, or NULL. The result has "schema" only if table->version > 0. */
json_object *schema_create(const Table *table, json_object *input, GError **error);
/* New document: `current` changed by the merge patch. */
json_object *schema_change(const Table *table, json_object *current, json_object *patch, GError **error);
/* Checks a complete stored document (after Yado filled read-only fields, or read from the store). A document of a
 * newer schema version is ERROR_UNSUPPORTED. */
gboolean schema_check(const Table *table, json_object *document, GError **error);
/* The defaults of fields that the document lacks, because an earlier release, which did not know them, wrote it. */
void schema_fill(const Table *table, json_object *document);
/* The document with them: itself if it lacks none, else a copy. New reference. */
json_object *schema_filled(const Table *table, json_object *document);
/* Map keys and names of objects: 1-63 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit. */
const char *schema_check_key(const char *value);

const Field *schema_find(const Table *table, const char *path); /* dotted; a map's key is skipped as one step */
/* OpenAPI 3.1 / JSON Schema of the table as the API answers it; new reference. */
json_object *schema_describe(const Table *table);
/* The same of what a client sends to make one, or (change) of a merge patch. */
json_object *schema_describe_input(const Table *table, gboolean change);
/* Markdown reference (docs/reference) of one table, English or Japanese; caller frees. */
char *schema_reference(const Table *table, gboolean japanese);

/* Resource tables, one file each in schema/tables/. */
extern const Table vm_table, storage_table, mapping_table, device_table, image_table, image_import_table,
	image_build_table, recipe_table, task_table, node_table, node_memory_table, volume_table, user_table,
	role_table, token_table, session_table, access_settings_table, audit_table, audit_verify_table, upload_table;
/* Parts of a guest's document, in a file of their own (tables/handed.c). */
extern const Table smbios_table, guestinfo_table, cloud_init_table, answers_table;
enum { HANDED_BYTES_MAX = 65536 }; /* of user-data and of an installer's answers */
/* Answers that are no resource. */
extern const Table vm_row_table, vm_status_table, vm_stats_table, vm_question_table, vm_measurements_table,
	node_measurements_table, plan_table, change_table, error_table, commit_table, restore_table, task_log_table,
	schema_row_table, login_answer_table, self_table, privilege_table, ticket_table, doctor_table, handed_table,
	preset_choice_table, preset_table;
extern const char *const measurement_spans[]; /* values of both tables' `span`, the shortest first; NULL-terminated */
/* Bodies of requests that are no resource. */
extern const Table login_table, password_table, shutdown_request_table, firmware_setup_request_table,
	upgrade_hardware_request_table, answer_request_table, node_shutdown_request_table, restore_request_table,
	console_request_table, user_data_request_table, guest_password_table, answers_request_table;
extern const Table agent_password_table, guest_exec_table, guest_freeze_table;
extern const Table guest_info_table, guest_filesystem_table, guest_time_table, guest_command_table, guest_file_table;
extern const Table cpu_features_table, baseline_table, baseline_request_table, renew_request_table;
extern const Table *const schema_tables[]; /* all, NULL-terminated */
