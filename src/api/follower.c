/* A follower's way through the events.
 *
 * It begins with a snapshot, in pieces: first the guests by their ids, then everything else by its path. What changes
 * meanwhile is in the feed, after the number that the feed had at the snapshot's beginning, and follows then; so a
 * follower holds nothing but a position, and what it is sent is read when there is room for it. One that was left
 * behind by the feed begins again.
 *
 * Its rights are looked at again whenever somebody's change. If they are not those with which it began, what it has seen
 * is void: it begins again with the new ones. The epoch that it is told has a digest of its rights in it, so that nobody
 * goes on with an old number under new rights either. */
#include "api/follower.h"

#include <string.h>

#include "api/permit.h"
#include "base/json.h"
#include "guest/guests.h"
#include "guest/vm.h"

enum {
	PIECE = 32 << 10,   /* of a snapshot, and one value more */
	TURN_PIECES = 4,    /* before others have theirs */
	TURN_CHANGES = 200,
	GUESTS = 64,        /* taken from the table at a time */
};

struct Follower {
	const FollowerSource *source;
	Stream *stream;
	Principal *principal;
	char *prefix;
	Rights *rights;
	char *epoch;
	guint generation; /* of access, at which the rights were looked at */
	const char *reset; /* why it is to begin again, not yet said */
	gboolean live;
	gboolean guests_done; /* of the snapshot */
	gint64 guest;         /* the last one that was sent */
	char *path;           /* and the last of the others */
	gint64 seq;           /* what is known of the feed, or will be with the snapshot */
};

static void begin_again(Follower *follower, const char *reset)
{
	follower->reset = reset;
	follower->live = FALSE;
	follower->guests_done = FALSE;
	follower->guest = 0;
	g_free(follower->path);
	follower->path = g_strdup("");
	follower->seq = feed_seq(follower->source->feed);
}

/* A run of the daemon, and rights in it. */
static char *make_epoch(const Follower *follower)
{
	g_autofree char *rights = rights_fingerprint(follower->rights);
	/* A token does not see all tasks of its user. */
	const char *kind = follower->principal->kind == PRINCIPAL_TOKEN ? "token" : "user";
	g_autofree char *whole = g_strjoin("\n", kind, follower->principal->user, rights, NULL);
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, whole, -1);
	return g_strdup_printf("%s-%.12s", follower->source->epoch, digest);
}

static void look_up_rights(Follower *follower)
{
	Access *access = follower->source->services->access;
	/* Taken first: what changes after it is looked at again. */
	follower->generation = access_generation(access);
	rights_unref(follower->rights);
	follower->rights = access_rights(access, follower->principal);
	g_free(follower->epoch);
	follower->epoch = make_epoch(follower);
}

static const char *why_not_resumed(const Follower *follower, const char *epoch, gint64 seq)
{
	gsize run = strlen(follower->source->epoch);
	if (g_str_equal(epoch, follower->epoch))
		return feed_reaches(follower->source->feed, seq) ? NULL : "behind";
	gboolean same_run = strncmp(epoch, follower->source->epoch, run) == 0 && epoch[run] == '-';
	return same_run ? "rights" : "epoch";
}

static gboolean send_live(Follower *follower)
{
	g_autofree char *text = g_strdup_printf("{\"live\":{\"epoch\":\"%s\",\"seq\":%" G_GINT64_FORMAT "}}",
						follower->epoch, follower->seq);
	follower->live = TRUE;
	return stream_send_text(follower->stream, text);
}

Follower *follower_new(const FollowerSource *source, Stream *stream, Principal *principal, const char *prefix,
		       const char *epoch, gint64 seq)
{
	Follower *follower = g_new0(Follower, 1);
	follower->source = source;
	follower->stream = stream_ref(stream);
	follower->principal = principal_ref(principal);
	follower->prefix = g_strdup(prefix);
	look_up_rights(follower);
	const char *reset = epoch ? why_not_resumed(follower, epoch, seq) : NULL;
	begin_again(follower, reset);
	if (epoch && !reset) {
		follower->seq = seq;
		send_live(follower);
	}
	return follower;
}

void follower_free(Follower *follower)
{
	if (!follower)
		return;
	stream_unref(follower->stream);
	principal_unref(follower->principal);
	rights_unref(follower->rights);
	g_free(follower->prefix);
	g_free(follower->epoch);
	g_free(follower->path);
	g_free(follower);
}

Stream *follower_stream(const Follower *follower)
{
	return follower->stream;
}

const char *follower_user(const Follower *follower)
{
	return follower->principal->user;
}

/* Names are of few characters, but nothing here says so. */
static void append_path(GString *text, const char *path)
{
	json_auto json_object *json = json_object_new_string(path);
	g_string_append(text, json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void append_value(GString *piece, const char *path, GRefString *value)
{
	g_string_append(piece, piece->len ? ",{\"path\":" : "{\"snapshot\":[{\"path\":");
	append_path(piece, path);
	g_string_append(piece, ",\"value\":");
	g_string_append_len(piece, value, (gssize)g_ref_string_length(value));
	g_string_append_c(piece, '}');
}

static gboolean is_below(const Follower *follower, const char *path)
{
	return path_is_below(path, follower->prefix);
}

/* A prefix of one object is about its tasks too. */
static gboolean is_for_follower(const Follower *follower, const char *path, const char *text)
{
	Services *services = follower->source->services;
	if (!g_str_has_prefix(path, "task/"))
		return is_below(follower, path) && permit_sees(services, follower->rights, path);
	json_auto json_object *task = json_parse(text, strlen(text), NULL);
	return (is_below(follower, path) || is_below(follower, json_get_str(task, "object", ""))) &&
	       permit_sees_task(services, follower->principal, follower->rights, task);
}

static void fill_guests(Follower *follower, GString *piece)
{
	g_autoptr(GPtrArray) guests = guests_list(follower->source->services->guests, follower->guest, GUESTS);
	gboolean all = rights_allow_all(follower->rights, PRIVILEGE_VM_READ, "/vms");
	guint i = 0;
	for (; i < guests->len && piece->len < PIECE; i++) {
		Vm *vm = g_ptr_array_index(guests, i);
		char path[32];
		g_snprintf(path, sizeof path, "vm/%" G_GINT64_FORMAT, vm->id);
		follower->guest = vm->id;
		if (!is_below(follower, path) || (!all && !permit_vm_row(follower->rights, vm)))
			continue;
		GRefString *row = vm_ref_row(vm);
		if (row) {
			append_value(piece, path, row);
			g_ref_string_release(row);
		}
	}
	follower->guests_done = i == guests->len && guests->len < GUESTS;
}

/* FALSE when there are no more. */
static gboolean fill_others(Follower *follower, GString *piece)
{
	while (piece->len < PIECE) {
		g_auto(CatalogEntry) entry = {0};
		if (!catalog_next(follower->source->catalog, follower->path, &entry))
			return FALSE;
		g_free(follower->path);
		follower->path = g_strdup(entry.path);
		if (is_for_follower(follower, entry.path, entry.text))
			append_value(piece, entry.path, entry.text);
	}
	return TRUE;
}

/* One piece, or the end; FALSE if the stream is over. */
static gboolean send_snapshot(Follower *follower)
{
	g_autoptr(GString) piece = g_string_sized_new(PIECE + 1024);
	while (!follower->guests_done && piece->len < PIECE)
		fill_guests(follower, piece);
	gboolean more = !follower->guests_done || fill_others(follower, piece);
	if (piece->len > 0) {
		g_string_append(piece, "]}");
		if (!stream_send_text(follower->stream, piece->str))
			return FALSE;
	}
	return more || send_live(follower);
}

/* The guest's row now; NULL if it is gone or not to be seen any more. FALSE if there is nothing to tell. */
static gboolean read_guest(const Follower *follower, const FeedChange *change, GRefString **ret_row)
{
	gint64 id = g_ascii_strtoll(change->path + strlen("vm/"), NULL, 10);
	if (!is_below(follower, change->path))
		return FALSE;
	g_autoptr(Vm) vm = guests_get(follower->source->services->guests, id);
	if (vm && permit_vm_row(follower->rights, vm)) {
		*ret_row = vm_ref_row(vm);
		return TRUE;
	}
	/* Who could see it is told that it is gone; who never could learns nothing. */
	g_autofree char *path = g_strdup_printf("/vms/%" G_GINT64_FORMAT, id);
	*ret_row = NULL;
	return rights_allow(follower->rights, PRIVILEGE_VM_READ, path, (const char *const *)change->former);
}

static gboolean read_value(const Follower *follower, const FeedChange *change, GRefString **ret_value)
{
	if (g_str_has_prefix(change->path, "vm/"))
		return read_guest(follower, change, ret_value);
	if (!is_for_follower(follower, change->path, change->text))
		return FALSE;
	*ret_value = change->text ? g_ref_string_acquire(change->text)
				  : catalog_ref(follower->source->catalog, change->path);
	return TRUE;
}

static gboolean send_change(Follower *follower, const FeedChange *change)
{
	GRefString *value = NULL;
	if (!read_value(follower, change, &value))
		return TRUE;
	g_autoptr(GString) text = g_string_sized_new(1024);
	g_string_append_printf(text, "{\"seq\":%" G_GINT64_FORMAT ",\"path\":", change->seq);
	append_path(text, change->path);
	g_string_append(text, ",\"value\":");
	g_string_append(text, value ? value : "null");
	g_string_append_c(text, '}');
	if (value)
		g_ref_string_release(value);
	return stream_send_text(follower->stream, text->str);
}

/* FALSE if it may not go on. */
static gboolean check_rights(Follower *follower)
{
	Access *access = follower->source->services->access;
	if (!access_is_valid(access, follower->principal))
		return FALSE;
	if (access_generation(access) == follower->generation)
		return TRUE;
	g_autofree char *former = g_strdup(follower->epoch);
	look_up_rights(follower);
	if (!g_str_equal(former, follower->epoch))
		begin_again(follower, "rights");
	return TRUE;
}

/* One event, or several at the end of a snapshot. */
static FollowerState send_next(Follower *follower)
{
	if (follower->reset) {
		g_autofree char *text = g_strdup_printf("{\"reset\":\"%s\"}", follower->reset);
		follower->reset = NULL;
		return stream_send_text(follower->stream, text) ? FOLLOWER_GOES_ON : FOLLOWER_ENDED;
	}
	if (!follower->live)
		return send_snapshot(follower) ? FOLLOWER_GOES_ON : FOLLOWER_ENDED;
	g_auto(FeedChange) change = {0};
	switch (feed_next(follower->source->feed, follower->seq, &change)) {
	case FEED_CHANGE:
		follower->seq = change.seq;
		return send_change(follower, &change) ? FOLLOWER_GOES_ON : FOLLOWER_ENDED;
	case FEED_BEHIND:
		begin_again(follower, "behind");
		return FOLLOWER_GOES_ON;
	case FEED_END:
		break;
	}
	return FOLLOWER_WAITS;
}

FollowerState follower_pump(Follower *follower)
{
	if (!stream_is_open(follower->stream))
		return FOLLOWER_ENDED;
	if (!check_rights(follower)) {
		stream_cancel(follower->stream);
		return FOLLOWER_ENDED;
	}
	for (guint cost = 0; cost < TURN_CHANGES; cost += follower->live ? 1 : TURN_CHANGES / TURN_PIECES) {
		if (stream_room(follower->stream) <= STREAM_QUEUE_MAX / 2)
			return FOLLOWER_WAITS;
		FollowerState state = send_next(follower);
		if (state != FOLLOWER_GOES_ON)
			return state;
	}
	return FOLLOWER_GOES_ON;
}
