/* Opening and closing the store, and which paths and names it takes. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "store/internal.h"
#include "store/migrate.h"

/* Behind store_allocate(), so known in every store: a number that was given out stays given out. */
static const StoreKind counter_kind = {"counter", TRUE};

const StoreKind *store_find_kind(Store *store, const char *path)
{
	const char *slash = strchr(path, '/');
	gsize length = slash ? (gsize)(slash - path) : strlen(path);
	if (length == strlen(counter_kind.name) && strncmp(path, counter_kind.name, length) == 0)
		return &counter_kind;
	for (const StoreKind *kind = store->kinds; kind->name; kind++)
		if (strncmp(kind->name, path, length) == 0 && kind->name[length] == 0)
			return kind;
	return NULL;
}

/* Control characters are those of ASCII and of Latin-1 (U+0080 to U+009F). */
static gboolean has_control(const char *text)
{
	for (const guchar *c = (const guchar *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			return TRUE;
	return FALSE;
}

gboolean store_check_name(const char *what, const char *name, gsize max, GError **error)
{
	const char *fault = *name == 0                         ? "it is empty"
			    : strlen(name) > max               ? "it is too long"
			    : !g_utf8_validate(name, -1, NULL) ? "it is not valid UTF-8"
			    : has_control(name)                ? "it contains a control character"
							       : NULL;
	if (!fault)
		return TRUE;
	g_autofree char *shown = g_utf8_make_valid(name, (gssize)MIN(strlen(name), 64));
	g_strcanon(shown, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./", '?');
	error_set(error, ERROR_INVALID, NULL, "bad %s '%s': %s", what, shown, fault);
	return FALSE;
}

gboolean store_check_path(Store *store, const char *path, GError **error)
{
	if (!store_check_name("path", path, PATH_LENGTH_MAX, error))
		return FALSE;
	const char *slash = strchr(path, '/');
	if (!slash || slash[1] == 0 || strstr(path, "//") || g_str_has_suffix(path, "/")) {
		error_set(error, ERROR_INVALID, NULL, "bad path '%s': it must be kind/name", path);
		return FALSE;
	}
	if (!store_find_kind(store, path)) {
		error_set(error, ERROR_INVALID, NULL, "bad path '%s': there is no kind '%.*s'", path,
			(int)(slash - path), path);
		return FALSE;
	}
	return TRUE;
}

gboolean store_check_prefix(const char *prefix, GError **error)
{
	return *prefix == 0 || store_check_name("path", prefix, PATH_LENGTH_MAX, error);
}

json_object *store_parse_body(
	Connection *connection, const char *path, sqlite3_stmt *statement, int column, GError **error)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	g_autoptr(GError) cause = NULL;
	json_object *body = text ? json_parse(text, (gsize)sqlite3_column_bytes(statement, column), &cause) : NULL;
	if (!body) {
		g_autofree char *hint = migrate_repair_hint(connection->path);
		error_set(error, ERROR_FAILED, hint, "cannot read '%s': '%s' is damaged (%s)", path,
			connection->path, cause ? cause->message : "a body is missing");
	}
	return body;
}

static gboolean lock_directory(Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(store->dir, "lock", NULL);
	pid_t holder = 0;
	if (!dir_make(store->dir, 0700, error) || !file_lock(path, &store->lock_fd, &holder, error))
		return FALSE;
	if (store->lock_fd < 0)
		error_set(error, ERROR_CONFLICT, "stop that one first",
			"cannot open the store in '%s': another process (%d) has it open", store->dir, (int)holder);
	return store->lock_fd >= 0;
}

/* SQLite would give a new file to everyone whom the umask lets. */
static gboolean make_file(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "store.db", NULL);
	fd_auto int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_set_errno(error, errno, "cannot open '%s'", path);
		return FALSE;
	}
	return dir_sync(dir, error);
}

static gboolean read_newest_revision(Store *store, GError **error)
{
	statement_auto sqlite3_stmt *newest = database_prepare(store->writer, STATEMENT_CHANGE_NEWEST, error);
	if (!newest)
		return FALSE;
	if (sqlite3_step(newest) != SQLITE_ROW) {
		database_fail(store->writer, error, "cannot open the store");
		return FALSE;
	}
	store->rev = sqlite3_column_int64(newest, 0);
	return TRUE;
}

/* Called after each transaction; with a hook of ours SQLite leaves checkpoints to us (see commit.c). */
static int note_wal_pages(void *data, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((Store *)data)->wal_pages = pages;
	return SQLITE_OK;
}

Store *store_open_migrating(const char *dir, const StoreKind *kinds, const char *const *migrations, GError **error)
{
	Store *store = g_new0(Store, 1);
	store->dir = g_strdup(dir);
	store->lock_fd = -1;
	store->kinds = kinds;
	g_mutex_init(&store->lock);
	g_queue_init(&store->queue);
	g_mutex_init(&store->readers.lock);
	g_cond_init(&store->readers.given_back);
	store->readers.idle = g_ptr_array_new_with_free_func((GDestroyNotify)database_close);
	gboolean ok = lock_directory(store, error) && make_file(dir, error) &&
		      (store->writer = database_open(dir, FALSE, error)) &&
		      migrate(store->writer->db, store->writer->path, migrations, error) &&
		      read_newest_revision(store, error) && secret_key_load(store, error);
	if (!ok) {
		store_close(store);
		return NULL;
	}
	sqlite3_wal_hook(store->writer->db, note_wal_pages, store);
	store->watches = watches_new();
	return store;
}

Store *store_open(const char *dir, const StoreKind *kinds, GError **error)
{
	return store_open_migrating(dir, kinds, store_migrations, error);
}

void store_close(Store *store)
{
	if (!store)
		return;
	watches_free(store->watches);
	g_ptr_array_unref(store->readers.idle);
	/* The last connection to close moves the write-ahead log into the database. */
	database_close(store->writer);
	fd_close(store->lock_fd);
	OPENSSL_cleanse(store->secret_key, sizeof store->secret_key);
	g_cond_clear(&store->readers.given_back);
	g_mutex_clear(&store->readers.lock);
	g_mutex_clear(&store->lock);
	g_free(store->dir);
	g_free(store);
}
