/* The file of the rings.
 *
 * One row a ring, its number made of the object's and the span's; its blob has the ring's size from the beginning, and
 * what is written goes into its place. So the file grows with the number of guests and with nothing else.
 *
 * When the first interval comes that is not part of the same coarser one as the last, the coarser one is over: its
 * average is written, from the ring of the finer span, which still has all of its parts. That needs nothing but the
 * number of the last interval, which is found in the ring itself after a restart; so it makes no difference how long
 * the daemon, or the guest, was away. Who reads gets the interval that is going on in the same way, without writing it.
 *
 * Nothing is fsynced. A write-ahead log makes the file whole after the end of the daemon at any moment; after a power
 * cut it may be damaged. Then it is put aside and begun anew, as is what was damaged otherwise: nobody's guests wait
 * for a graph. */
#include "measure/rings.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "measure/slots.h"
#include "store/failure.h"
#include "store/migrate.h"

enum { SPAN_BITS = 3, BUSY_TIMEOUT_MS = 1000 };

G_STATIC_ASSERT(SPAN_COUNT <= 1 << SPAN_BITS);

struct Rings {
	char *path;
	GMutex lock; /* of all that follows */
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *select;
	sqlite3_blob *blob; /* of any row, to be moved to the next one; NULL outside of a transaction */
	GHashTable *newest; /* of those that have rings: Newest, by its object */
	gboolean warned;
	Slot ring[SLOTS_MAX], coarser[SLOTS_MAX]; /* room to read into */
};

typedef struct Newest {
	gint64 object;
	guint32 number; /* of the last interval of which something is known; 0: none */
} Newest;

static const char *const migrations[] = {"CREATE TABLE ring(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
					 "UPDATE ring SET data = widen(data)", NULL};

/* The second migration, as a function of SQL: slots had room for eight series once. */
static void widen(sqlite3_context *context, int count, sqlite3_value **values)
{
	enum { FORMER_BYTES = sizeof(guint32) + 8 * sizeof(float) };
	const char *former = sqlite3_value_blob(values[0]);
	gsize slots = (gsize)sqlite3_value_bytes(values[0]) / FORMER_BYTES;
	(void)count;
	g_autofree Slot *ring = g_new(Slot, slots);
	for (gsize i = 0; i < slots; i++) {
		ring[i].values = values_unknown;
		memcpy(&ring[i], former + i * FORMER_BYTES, FORMER_BYTES);
	}
	sqlite3_result_blob(context, ring, (int)(slots * sizeof(Slot)), SQLITE_TRANSIENT);
}

static sqlite3_int64 row_id(gint64 object, Span span)
{
	return object << SPAN_BITS | span;
}

static int ring_size(Span span)
{
	return (int)(spans[span].slots * sizeof(Slot));
}

Rings *rings_new(const char *path)
{
	Rings *rings = g_new0(Rings, 1);
	g_mutex_init(&rings->lock);
	rings->path = g_strdup(path);
	rings->newest = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	return rings;
}

static void let_go(Rings *rings)
{
	sqlite3_blob_close(g_steal_pointer(&rings->blob));
}

/* What is on disk may not be what is known of it. */
static void close_file(Rings *rings)
{
	let_go(rings);
	sqlite3_finalize(g_steal_pointer(&rings->select));
	sqlite3_close(g_steal_pointer(&rings->db));
	g_hash_table_remove_all(rings->newest);
}

void rings_free(Rings *rings)
{
	if (!rings)
		return;
	close_file(rings);
	g_hash_table_unref(rings->newest);
	g_mutex_clear(&rings->lock);
	g_free(rings->path);
	g_free(rings);
}

/* --- What goes wrong --- */

/* Whether it is the file's content that is at fault, rather than the disk that it is on. */
static gboolean is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return FALSE;
	default:
		return TRUE;
	}
}

/* Once, until it goes well again. */
static void warn(Rings *rings, const GError *cause)
{
	if (!rings->warned)
		g_warning("measurements are lost: %s%s%s", cause->message, error_hint(cause) ? "; " : "",
			  error_hint(cause) ? error_hint(cause) : "");
	rings->warned = TRUE;
}

static void tell_recovery(Rings *rings)
{
	if (rings->warned)
		g_message("measurements are kept again in '%s'", rings->path);
	rings->warned = FALSE;
}

/* Of former ones that were put aside: one is enough to find out what happened. */
static void drop_former(const char *dir, const char *prefix)
{
	const char *name;
	g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);
		if (g_str_has_prefix(name, prefix))
			g_unlink(path);
	}
}

static void put_aside(Rings *rings, const char *why)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	g_autofree char *dir = g_path_get_dirname(rings->path), *base = g_path_get_basename(rings->path);
	g_autofree char *prefix = g_strconcat(base, ".damaged-", NULL);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
	g_autofree char *aside = g_strconcat(dir, "/", prefix, date, NULL);
	close_file(rings);
	drop_former(dir, prefix);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *from = g_strconcat(rings->path, parts[i], NULL),
				*to = g_strconcat(aside, parts[i], NULL);
		if (g_rename(from, to) < 0 && errno != ENOENT)
			g_warning("cannot put '%s' aside: %s", from, g_strerror(errno));
	}
	g_warning("the measurements in '%s' cannot be used (%s): they begin anew, and the former file is '%s'",
		  rings->path, why, aside);
}

/* After a failure of the database; TRUE if it is worth another try, with a new file. */
static gboolean recover(Rings *rings, int code)
{
	g_autoptr(GError) cause = NULL;
	if (is_damage(code)) {
		g_autofree char *why = g_strdup(rings->db ? sqlite3_errmsg(rings->db) : sqlite3_errstr(code));
		put_aside(rings, why);
		return TRUE;
	}
	failure_set(rings->db, rings->path, "cannot write them", &cause);
	warn(rings, cause);
	close_file(rings);
	return FALSE;
}

/* --- Opening --- */

static int try_open(Rings *rings, GError **error)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int code = sqlite3_open_v2(rings->path, &rings->db, flags, NULL);
	if (code != SQLITE_OK)
		return code;
	sqlite3_busy_timeout(rings->db, BUSY_TIMEOUT_MS);
	/* Small pages, as each round writes one of each ring; a log that a first round has made long is cut again. */
	code = sqlite3_exec(rings->db,
			    "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
			    "PRAGMA cache_size = -256; PRAGMA journal_size_limit = 1048576; PRAGMA trusted_schema = 0",
			    NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_create_function(rings->db, "widen", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, widen,
					       NULL, NULL);
	if (code == SQLITE_OK && !migrate(rings->db, rings->path, migrations, error))
		code = error_code(*error) == ERROR_UNSUPPORTED ? SQLITE_NOTADB : sqlite3_errcode(rings->db);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(rings->db, "SELECT data FROM ring WHERE id = ?1", -1,
					  SQLITE_PREPARE_PERSISTENT, &rings->select, NULL);
	return code;
}

static gboolean open_file(Rings *rings)
{
	for (guint i = 0; !rings->db && i < 2; i++) {
		g_autoptr(GError) error = NULL;
		int code = try_open(rings, &error);
		if (code == SQLITE_OK)
			break;
		if (error_code(error) == ERROR_UNSUPPORTED && error)
			put_aside(rings, error->message);
		else if (!recover(rings, code))
			break;
	}
	return rings->db != NULL;
}

/* --- One ring --- */

/* All zeros if there is none; ret_found may be NULL. */
static int read_ring(Rings *rings, gint64 object, Span span, Slot *ret_ring, gboolean *ret_found)
{
	sqlite3_bind_int64(rings->select, 1, row_id(object, span));
	int code = sqlite3_step(rings->select);
	if (ret_found)
		*ret_found = code == SQLITE_ROW;
	memset(ret_ring, 0, (gsize)ring_size(span));
	if (code == SQLITE_ROW) {
		const void *data = sqlite3_column_blob(rings->select, 0);
		gboolean whole = data && sqlite3_column_bytes(rings->select, 0) == ring_size(span);
		if (whole)
			memcpy(ret_ring, data, (gsize)ring_size(span));
		code = whole ? SQLITE_DONE : SQLITE_CORRUPT;
	}
	sqlite3_reset(rings->select);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int write_slot(Rings *rings, gint64 object, Span span, const Slot *slot)
{
	sqlite3_int64 id = row_id(object, span);
	int code = rings->blob ? sqlite3_blob_reopen(rings->blob, id)
			       : sqlite3_blob_open(rings->db, "main", "ring", "data", id, 1, &rings->blob);
	if (code == SQLITE_OK && sqlite3_blob_bytes(rings->blob) != ring_size(span))
		code = SQLITE_CORRUPT;
	if (code == SQLITE_OK)
		code = sqlite3_blob_write(rings->blob, slot, sizeof *slot,
					  (int)(slot_place(span, slot->number) * sizeof *slot));
	return code;
}

static int run(Rings *rings, const char *format, ...) G_GNUC_PRINTF(2, 3);
static int run(Rings *rings, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *sql = g_strdup_vprintf(format, args);
	va_end(args);
	return sqlite3_exec(rings->db, sql, NULL, NULL, NULL);
}

/* --- Writing --- */

static int make_rings(Rings *rings, gint64 object)
{
	int code = SQLITE_OK;
	for (Span span = SPAN_HOUR; span < SPAN_COUNT && code == SQLITE_OK; span++)
		code = run(rings, "INSERT OR REPLACE INTO ring(id, data) VALUES(%lld, zeroblob(%d))",
			   row_id(object, span), ring_size(span));
	return code;
}

static int find_newest(Rings *rings, gint64 object, guint32 number, Newest **ret_newest)
{
	gboolean found;
	*ret_newest = g_hash_table_lookup(rings->newest, &object);
	if (*ret_newest)
		return SQLITE_OK;
	int code = read_ring(rings, object, SPAN_HOUR, rings->ring, &found);
	if (code == SQLITE_OK && !found)
		code = make_rings(rings, object);
	if (code != SQLITE_OK)
		return code;
	*ret_newest = g_new0(Newest, 1);
	**ret_newest = (Newest){object, slots_newest(rings->ring, SPAN_HOUR, number)};
	g_hash_table_insert(rings->newest, &(*ret_newest)->object, *ret_newest);
	return SQLITE_OK;
}

/* Writes the coarser intervals that are over: the last one was part of them, this one is not. */
static int roll_up(Rings *rings, gint64 object, guint32 last, guint32 number)
{
	int code = SQLITE_OK;
	for (Span span = SPAN_DAY; span < SPAN_COUNT && code == SQLITE_OK; span++) {
		last = slot_parent(span - 1, last);
		number = slot_parent(span - 1, number);
		if (last == number)
			break;
		code = read_ring(rings, object, span - 1, rings->ring, NULL);
		Slot slot = slots_average(rings->ring, span, last);
		if (code == SQLITE_OK)
			code = write_slot(rings, object, span, &slot);
	}
	return code;
}

static int write_sample(Rings *rings, guint32 number, const RingSample *sample)
{
	Newest *newest;
	Slot slot = {number, sample->values};
	int code = find_newest(rings, sample->object, number, &newest);
	if (code == SQLITE_OK && newest->number && newest->number < number)
		code = roll_up(rings, sample->object, newest->number, number);
	if (code == SQLITE_OK)
		code = write_slot(rings, sample->object, SPAN_HOUR, &slot);
	if (code == SQLITE_OK)
		newest->number = number;
	return code;
}

static int write_all(Rings *rings, guint32 number, const RingSample *samples, guint count)
{
	int code = run(rings, "BEGIN IMMEDIATE");
	for (guint i = 0; i < count && code == SQLITE_OK; i++)
		if (values_any(&samples[i].values))
			code = write_sample(rings, number, &samples[i]);
	if (code != SQLITE_OK)
		return code; /* which is of the last call still */
	let_go(rings);
	return run(rings, "COMMIT");
}

void rings_write(Rings *rings, guint32 number, const RingSample *samples, guint count)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&rings->lock);
	for (guint i = 0; i < 2 && open_file(rings); i++) {
		int code = write_all(rings, number, samples, count);
		if (code == SQLITE_OK) {
			tell_recovery(rings);
			break;
		}
		if (!recover(rings, code))
			break;
	}
}

static int list_objects(Rings *rings, GArray *objects)
{
	sqlite3_stmt *statement = NULL;
	g_autofree char *sql = g_strdup_printf("SELECT DISTINCT id >> %d FROM ring", SPAN_BITS);
	int code = sqlite3_prepare_v2(rings->db, sql, -1, &statement, NULL);
	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		gint64 object = sqlite3_column_int64(statement, 0);
		g_array_append_val(objects, object);
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

void rings_sweep(Rings *rings, gboolean (*keep)(gint64 object, gpointer data), gpointer data)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&rings->lock);
	g_autoptr(GArray) objects = g_array_new(FALSE, FALSE, sizeof(gint64));
	if (!open_file(rings))
		return;
	int code = list_objects(rings, objects);
	for (guint i = 0; i < objects->len && code == SQLITE_OK; i++) {
		gint64 object = g_array_index(objects, gint64, i);
		if (keep(object, data))
			continue;
		g_hash_table_remove(rings->newest, &object);
		code = run(rings, "DELETE FROM ring WHERE id >> %d = %" G_GINT64_FORMAT " AND id BETWEEN %lld AND %lld",
			   SPAN_BITS, object, row_id(object, 0), row_id(object, SPAN_COUNT - 1));
	}
	if (code != SQLITE_OK)
		recover(rings, code);
}

/* --- Reading --- */

/* The ring of the span into rings->ring, with the interval that is going on. *ret_end is its number. */
static int read_span(Rings *rings, gint64 object, Span wanted, guint32 now, guint32 *ret_end)
{
	int code = read_ring(rings, object, SPAN_HOUR, rings->ring, NULL);
	guint32 newest = slots_newest(rings->ring, SPAN_HOUR, now);
	/* The interval that has just ended may not have been written yet: it is not shown as a gap. */
	*ret_end = newest == now ? now : now - 1;
	for (Span span = SPAN_DAY; span <= wanted && code == SQLITE_OK; span++) {
		*ret_end = slot_parent(span - 1, *ret_end);
		code = read_ring(rings, object, span, rings->coarser, NULL);
		if (newest) {
			newest = slot_parent(span - 1, newest);
			rings->coarser[slot_place(span, newest)] = slots_average(rings->ring, span, newest);
		}
		memcpy(rings->ring, rings->coarser, (gsize)ring_size(span));
	}
	return code;
}

void rings_read(Rings *rings, gint64 object, Span span, gint64 now_s, RingView *ret_view)
{
	guint32 end = 0;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&rings->lock);
	int code = open_file(rings) ? read_span(rings, object, span, (guint32)(now_s / STEP_S), &end) : SQLITE_CANTOPEN;
	if (code != SQLITE_OK) {
		if (rings->db)
			recover(rings, code);
		memset(rings->ring, 0, sizeof rings->ring);
		end = (guint32)(now_s / spans[span].step_s);
	}
	guint count = spans[span].slots;
	*ret_view = (RingView){.start_s = ((gint64)end - count + 1) * spans[span].step_s, .count = count};
	for (guint i = 0; i < count; i++) {
		const Slot *slot = slots_find(rings->ring, span, end - count + 1 + i);
		ret_view->values[i] = slot ? slot->values : values_unknown;
	}
}
