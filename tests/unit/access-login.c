/* Signing in: passwords and their rules, slowing in virtual time, the fair line before yescrypt. */
#include "access-fixture.h"

#define SECOND_US ((gint64)G_USEC_PER_SEC)
#define MINUTE_US (60 * SECOND_US)

/* --- Slowing by itself --- */

static gint64 wait_of(Slow *slow, const char *user, const char *source, gint64 now_us)
{
	return slow_login_wait(slow, user, source, FALSE, now_us) / SECOND_US;
}

static void fail_times(Slow *slow, const char *user, const char *source, guint times, gint64 now_us)
{
	for (guint i = 0; i < times; i++)
		slow_login_failed(slow, user, source, now_us);
}

static void test_delays(void)
{
	static const gint64 delays[] = {0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900};
	Slow *slow = slow_new();
	gint64 now_us = HOUR_US;
	for (guint i = 0; i < G_N_ELEMENTS(delays); i++) {
		slow_login_failed(slow, "ann", "192.0.2.1", now_us);
		g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", now_us), ==, delays[i]);
		now_us += delays[i] * SECOND_US;
		g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", now_us), ==, 0);
	}
	slow_free(slow);
}

static void test_forgetting(void)
{
	Slow *slow = slow_new();
	fail_times(slow, "ann", "192.0.2.1", 5, 0);
	g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", 0), ==, 2);
	gint64 later_us = 2 * SLOW_FORGET_US; /* three are left */
	slow_login_failed(slow, "ann", "192.0.2.1", later_us);
	g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", later_us), ==, 1);
	later_us += 10 * SLOW_FORGET_US; /* none is left */
	fail_times(slow, "ann", "192.0.2.1", 3, later_us);
	g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", later_us), ==, 0);

	/* However many there were, a few hours forget them. */
	fail_times(slow, "bob", "192.0.2.1", 1000, 0);
	g_assert_cmpint(wait_of(slow, "bob", "192.0.2.1", 0), ==, 900);
	fail_times(slow, "bob", "192.0.2.1", 3, 6 * HOUR_US);
	g_assert_cmpint(wait_of(slow, "bob", "192.0.2.1", 6 * HOUR_US), ==, 0);
	/* A clock that goes back hurts nobody for longer than the longest delay. */
	fail_times(slow, "cat", "192.0.2.2", 4, 6 * HOUR_US);
	g_assert_cmpint(wait_of(slow, "cat", "192.0.2.2", 6 * HOUR_US), ==, 1);
	slow_free(slow);
}

static void test_strangers(void)
{
	Slow *slow = slow_new();
	for (guint i = 1; i < 255; i++) {
		g_autofree char *source = g_strdup_printf("198.51.100.%u", i);
		fail_times(slow, "admin", source, 20, 0);
		g_assert_cmpint(wait_of(slow, "admin", source, 0), ==, 900);
	}
	g_assert_cmpint(wait_of(slow, "admin", "192.0.2.1", 0), ==, 0);
	g_assert_cmpint(wait_of(slow, "other", "198.51.100.7", 0), ==, 512);
	/* Who is signed in from there is slowed by what was tried on that account alone. */
	g_assert_cmpint(slow_login_wait(slow, "other", "198.51.100.7", TRUE, 0), ==, 0);
	g_assert_cmpint(slow_login_wait(slow, "admin", "198.51.100.7", TRUE, 0), ==, SLOW_DELAY_MAX_US);
	fail_times(slow, "admin", "", 20, 0);
	g_assert_cmpint(wait_of(slow, "admin", "", 0), ==, 0);
	slow_free(slow);
}

static void test_source_alone(void)
{
	Slow *slow = slow_new();
	for (guint i = 0; i < SLOW_SOURCE_FREE; i++) {
		g_autofree char *user = g_strdup_printf("user%u", i);
		g_assert_cmpint(wait_of(slow, user, "192.0.2.1", 0), ==, 0);
		slow_login_failed(slow, user, "192.0.2.1", 0);
	}
	g_assert_cmpint(wait_of(slow, "fresh", "192.0.2.1", 0), ==, 0);
	slow_login_failed(slow, "fresh", "192.0.2.1", 0);
	g_assert_cmpint(wait_of(slow, "another", "192.0.2.1", 0), ==, 1);

	/* Success with one account takes back what was got wrong with it, not what was with others. */
	slow_login_succeeded(slow, "fresh", "192.0.2.1", 0);
	g_assert_cmpint(wait_of(slow, "another", "192.0.2.1", 0), ==, 0);
	slow_login_failed(slow, "another", "192.0.2.1", 0);
	g_assert_cmpint(wait_of(slow, "fresh", "192.0.2.1", 0), ==, 1);
	slow_login_succeeded(slow, "unrelated", "192.0.2.1", 0);
	g_assert_cmpint(wait_of(slow, "fresh", "192.0.2.1", 0), ==, 1);
	slow_free(slow);
}

static void test_sources(void)
{
	static const char *const same[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:DB8:1:2::", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"", ""},
	};
	for (guint i = 0; i < G_N_ELEMENTS(same); i++) {
		g_autofree char *source = slow_source(same[i][0]);
		g_assert_cmpstr(source, ==, same[i][1]);
	}
	g_autofree char *none = slow_source(NULL);
	g_assert_cmpstr(none, ==, "");
}

static void test_bounded(void)
{
	Slow *slow = slow_new();
	/* The failures of each pair and of each source: one entry of each an attempt. */
	for (guint i = 0; i < 2 * SLOW_ENTRIES_MAX; i++) {
		g_autofree char *source = g_strdup_printf("10.%u.%u.1", i >> 8, i & 255);
		fail_times(slow, "admin", source, 4, 0);
	}
	g_assert_cmpint(wait_of(slow, "admin", "10.0.0.1", 0), ==, 0);
	g_assert_cmpint(wait_of(slow, "admin", "10.63.255.1", 0), ==, 1);
	g_autofree char *long_name = g_strnfill(1 << 20, 'a');
	fail_times(slow, long_name, "10.0.0.1", 4, 0);
	g_assert_cmpint(wait_of(slow, long_name, "10.0.0.1", 0), ==, 1);
	slow_free(slow);
}

static void test_secrets(void)
{
	Slow *slow = slow_new();
	for (guint i = 0; i <= SLOW_SECRET_FREE; i++)
		g_assert_cmpint(slow_secret_failed(slow, "192.0.2.1", 0), ==, 0);
	for (guint i = 0; i < 20; i++) /* those that are refused do not count */
		g_assert_cmpint(slow_secret_failed(slow, "192.0.2.1", 0), ==, SECOND_US);
	g_assert_cmpint(slow_secret_failed(slow, "192.0.2.1", SECOND_US), ==, 0);
	g_assert_cmpint(slow_secret_failed(slow, "192.0.2.1", SECOND_US), ==, 2 * SECOND_US);
	g_assert_cmpint(slow_secret_failed(slow, "192.0.2.2", 0), ==, 0);
	g_assert_cmpint(wait_of(slow, "ann", "192.0.2.1", 0), ==, 0);
	g_autofree char *hint = slow_hint(1);
	g_assert_cmpstr(hint, ==, "try again in 1 s");
	slow_free(slow);
}

/* --- Slowing of sign-ins --- */

static void test_slowed_login(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "");
	static const char *const users[] = {"ann", "ghost", "not a name", "password/ann"};
	for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
		g_autofree char *address = g_strdup_printf("192.0.2.%u", i + 1);
		for (guint j = 0; j < 4; j++) {
			g_assert_false(login(f, users[i], "wrong", address, &error));
			assert_fails(&error, ERROR_UNAUTHORIZED, "the user or the password is wrong");
		}
		g_assert_false(login(f, users[i], PASSWORD, address, &error));
		g_assert_cmpstr(error_hint(error), ==, "try again in 1 s");
		assert_fails(&error, ERROR_TOO_MANY, "too many");
	}
	/* Refused ones do not count, and the right password does not get past. */
	for (guint i = 0; i < 50; i++) {
		g_assert_false(login(f, "ann", PASSWORD, "192.0.2.1", &error));
		assert_fails(&error, ERROR_TOO_MANY, "too many");
	}
	g_assert_true(login(f, "ann", PASSWORD, "192.0.2.77", &error));
	g_assert_true(login(f, "ann", PASSWORD, "", &error));
	pass(SECOND_US);
	g_assert_true(login(f, "ann", PASSWORD, "192.0.2.1", &error));
	for (guint i = 0; i < 3; i++) { /* forgotten by the success */
		g_assert_false(login(f, "ann", "wrong", "192.0.2.1", &error));
		assert_fails(&error, ERROR_UNAUTHORIZED, "wrong");
	}
	g_assert_true(login(f, "ann", PASSWORD, "192.0.2.1", &error));
}

/* As many at once are worth no more than one after another: see login.c. */
typedef struct Attempt {
	Fixture *f;
	guint *verified;
} Attempt;

static gpointer attempt(gpointer data)
{
	Attempt *a = data;
	g_autoptr(GError) error = NULL;
	g_assert_false(login(a->f, "ann", "wrong", "192.0.2.1", &error));
	if (error_code(error) == ERROR_UNAUTHORIZED)
		__atomic_add_fetch(a->verified, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void test_attempts_at_once(Fixture *f, gconstpointer data)
{
	(void)data;
	add_person(f, "ann", "");
	for (guint i = 0; i < SLOW_PAIR_FREE; i++)
		g_assert_false(login(f, "ann", "wrong", "192.0.2.1", NULL));
	guint verified = 0;
	GThread *threads[32];
	Attempt a = {f, &verified};
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("attempt", attempt, &a);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	g_assert_cmpuint(verified, >=, 1);
	g_assert_cmpuint(verified, <=, GATE_AT_ONCE);
}

static void test_wrong_secrets(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ user");
	g_autofree char *token = add_token(f, "ann", "", NULL);
	g_autofree char *session = sign_in(f, "ann", "192.0.2.1");
	g_autofree char *wrong = g_strdup(token);
	wrong[strlen(wrong) - 1] ^= 1;
	static const char *const others[] = {"", "yado_", "yado_aaaaaaaaaaaa_", "x"};
	for (guint i = 0; i <= SLOW_SECRET_FREE; i++) {
		const char *secret = i % 2 ? wrong : others[i / 2 % G_N_ELEMENTS(others)];
		g_assert_null(i % 3 ? access_by_token(f->access, secret, "192.0.2.1", &error)
				    : access_by_session(f->access, secret, "192.0.2.1", &error));
		assert_fails(&error, ERROR_UNAUTHORIZED, "not valid");
	}
	g_assert_null(access_by_token(f->access, wrong, "192.0.2.1", &error));
	g_assert_cmpstr(error_hint(error), ==, "try again in 1 s");
	assert_fails(&error, ERROR_TOO_MANY, "not valid");
	/* Right ones, and signing in, go on. */
	g_autoptr(Principal) by_token = access_by_token(f->access, token, "192.0.2.1", &error);
	g_autoptr(Principal) by_session = access_by_session(f->access, session, "192.0.2.1", &error);
	g_assert_nonnull(by_token);
	g_assert_nonnull(by_session);
	g_assert_true(login(f, "ann", PASSWORD, "192.0.2.1", &error));
}

/* --- The gate --- */

typedef struct Comer {
	Gate *gate;
	const char *source;
	gboolean known;
	GMutex *lock;
	GString *order;
	guint *refused;
} Comer;

static gpointer come(gpointer data)
{
	Comer *comer = data;
	g_autoptr(GError) error = NULL;
	if (!gate_enter(comer->gate, comer->source, comer->known, &error)) {
		g_assert_error(error, ERROR, ERROR_TOO_MANY);
		__atomic_add_fetch(comer->refused, 1, __ATOMIC_SEQ_CST);
		return NULL;
	}
	g_mutex_lock(comer->lock);
	g_string_append(comer->order, comer->source);
	g_mutex_unlock(comer->lock);
	gate_leave(comer->gate);
	return NULL;
}

/* Comers "aaab" come one after another while both places are taken; then one place is free. Returns the order in which
 * they passed; capitals are known. */
static char *pass_gate(const char *comers, guint expected_refused)
{
	Gate *gate = gate_new();
	GMutex lock;
	guint refused = 0;
	gsize count = strlen(comers);
	g_mutex_init(&lock);
	GString *order = g_string_new(NULL);
	g_autofree Comer *list = g_new0(Comer, count);
	g_autofree GThread **threads = g_new0(GThread *, count);
	for (guint i = 0; i < GATE_AT_ONCE; i++)
		g_assert_true(gate_enter(gate, "first", TRUE, NULL));
	for (gsize i = 0; i < count; i++) {
		char name[2] = {comers[i]};
		list[i] = (Comer){gate, g_intern_string(name), g_ascii_isupper(*name), &lock, order, &refused};
		guint before = gate_waiting(gate) + __atomic_load_n(&refused, __ATOMIC_SEQ_CST);
		threads[i] = g_thread_new("comer", come, &list[i]);
		while (gate_waiting(gate) + __atomic_load_n(&refused, __ATOMIC_SEQ_CST) == before)
			g_thread_yield(); /* until it stands in line or is sent away */
	}
	gate_leave(gate);
	for (gsize i = 0; i < count; i++)
		g_thread_join(threads[i]);
	gate_leave(gate);
	g_assert_cmpuint(refused, ==, expected_refused);
	gate_free(gate);
	g_mutex_clear(&lock);
	return g_string_free(order, FALSE);
}

static void test_gate(void)
{
	static const struct {
		const char *comers;
		guint refused;
		const char *order;
	} cases[] = {
		{"aaa", 0, "aaa"},
		{"aaab", 0, "abaa"},		      /* sources take turns */
		{"aaaaaab", 3, "abaa"},		      /* each has three places */
		{"abcdefgh", 0, "abcdefgh"},
		{"abcdefghi", 1, "abcdefgh"},	  /* full of different ones */
		{"aaabbbccd", 1, "abcdabcb"},	  /* a newcomer gets a place of who has most */
		{"abcdefghiM", 1, "Mabcdefgh"},	  /* whoever is known has a line of their own */
		{"aaabbbMMM", 0, "MaMbMabab"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *order = pass_gate(cases[i].comers, cases[i].refused);
		g_assert_cmpstr(order, ==, cases[i].order);
	}
}

/* A flood from many addresses: whoever is signed in somewhere gets in from there. */
typedef struct Flood {
	Fixture *f;
	guint number;
	gboolean *stop;
} Flood;

static gpointer flood(gpointer data)
{
	Flood *one = data;
	for (guint i = 0; !__atomic_load_n(one->stop, __ATOMIC_RELAXED); i++) {
		g_autofree char *address = g_strdup_printf("2001:db8:%x:%x::1", one->number, i);
		g_assert_false(login(one->f, "ann", "wrong", address, NULL));
	}
	return NULL;
}

static void test_flood(Fixture *f, gconstpointer data)
{
	(void)data;
	add_person(f, "ann", "");
	g_autofree char *first = sign_in(f, "ann", "192.0.2.1");
	gboolean stop = FALSE;
	GThread *threads[24];
	Flood floods[G_N_ELEMENTS(threads)];
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++) {
		floods[i] = (Flood){f, i, &stop};
		threads[i] = g_thread_new("flood", flood, &floods[i]);
	}
	for (guint i = 0; i < 5; i++) {
		g_autofree char *secret = sign_in(f, "ann", "192.0.2.1");
		g_assert_nonnull(secret);
	}
	__atomic_store_n(&stop, TRUE, __ATOMIC_RELAXED);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
}

/* --- Passwords --- */

static void test_rules(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree char *long_one = g_strnfill(256, 'x'), *too_long = g_strnfill(257, 'x');
	g_autoptr(GString) wide = g_string_new(NULL), wider = g_string_new(NULL);
	for (guint i = 0; i < 256; i++)
		g_string_append(wide, "宿");
	g_string_append_printf(wider, "%s宿", wide->str);
	const struct {
		const char *settings, *password, *refused;
	} cases[] = {
		{"{}", "elevenchars", "at least 12"},
		{"{}", "twelve chars", NULL},
		{"{}", "", "at least 12"},
		{"{}", "宿屋の女将さんは元気です", NULL}, /* characters, not bytes */
		{"{}", "宿屋の女将さんは", "has 8 characters"},
		{"{}", "administrator", "is the user's name"},
		{"{}", "ADMINISTRATOR", "is the user's name"},
		{"{}", "administrator2", NULL},
		{"{}", "bad utf-8 here \xff\xfe", "not UTF-8"},
		{"{}", long_one, NULL},
		{"{}", too_long, "more than 256"},
		{"{}", wide->str, NULL},
		{"{}", wider->str, "more than 256"},
		{"{\"password_length\":20}", "nineteen characters", "at least 20"},
		{"{\"password_upper\":true}", "no capitals here", "no upper-case"},
		{"{\"password_upper\":true}", "Écoute les murs", NULL},
		{"{\"password_lower\":true}", "ALL CAPITALS HERE", "no lower-case"},
		{"{\"password_digit\":true}", "no digits in here", "no digit"},
		{"{\"password_special\":true}", "onlyletters123", "neither letter nor digit"},
		{"{\"password_digit\":true,\"password_special\":true,\"password_upper\":true}", "Good enough 4 me",
		 NULL},
	};
	g_autoptr(GError) error = NULL;
	add_user(f, "administrator", "");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		change(f, "setting", "access",
		       "{\"password_length\":null,\"password_upper\":null,\"password_lower\":null,\"password_digit\":null,\"password_special\":null}");
		change(f, "setting", "access", cases[i].settings);
		gboolean set = access_set_password(f->access, "administrator", NULL, cases[i].password, NULL, "",
						   "root", &error);
		if (cases[i].refused) {
			g_assert_false(set);
			g_assert_cmpstr(error_field(error), ==, "password");
			assert_fails(&error, ERROR_INVALID, cases[i].refused);
			continue;
		}
		g_assert_no_error(error);
		g_assert_true(set);
		g_assert_true(login(f, "administrator", cases[i].password, "", &error));
		g_autofree char *shorter = g_strndup(cases[i].password, strlen(cases[i].password) - 3);
		g_assert_false(login(f, "administrator", shorter, "", &error));
		assert_fails(&error, ERROR_UNAUTHORIZED, "wrong");
	}
	g_assert_false(access_set_password(f->access, "ghost", NULL, PASSWORD, NULL, "", "root", &error));
	assert_fails(&error, ERROR_NOT_FOUND, "no user 'ghost'");
}

static void test_hashes(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autofree void *one = NULL, *two = NULL;
	gsize length;
	add_person(f, "ann", "");
	add_person(f, "bob", "");
	g_assert_true(store_secret_get(f->store, "password/ann", &one, &length, NULL));
	g_assert_true(store_secret_get(f->store, "password/bob", &two, &length, NULL));
	g_assert_true(g_str_has_prefix(one, "$y$"));
	g_assert_cmpstr(one, !=, two);
	/* An entry of somebody else's, put where ann's was, is not readable: secrets are bound to their names. */
	gboolean right = TRUE;
	g_assert_true(password_verify(PASSWORD, one, &right, NULL));
	g_assert_true(right);
	g_assert_true(password_verify(PASSWORD, NULL, &right, NULL));
	g_assert_false(right);
	g_assert_true(password_verify("", NULL, &right, NULL));
	g_assert_false(right);
}

/* Of this process: the clock on the wall also counts what others do on a busy machine. */
static gint64 cpu_time_us(void)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * G_USEC_PER_SEC + used.tv_nsec / 1000;
}

/* Neither a user that is not there, nor a disabled one, nor one without a password is told apart by time. */
static void test_equal_time(Fixture *f, gconstpointer data)
{
	(void)data;
	static const char *const users[] = {"ann", "ghost", "off", "bare"};
	add_person(f, "ann", "");
	add_person(f, "off", "");
	change(f, "user", "off", "{\"enabled\":false}");
	add_user(f, "bare", "");
	gint64 best_us[G_N_ELEMENTS(users)];
	for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
		best_us[i] = G_MAXINT64;
		for (guint j = 0; j < 8; j++) {
			gint64 begin_us = cpu_time_us();
			g_assert_false(login(f, users[i], "wrong password", "", NULL));
			best_us[i] = MIN(best_us[i], cpu_time_us() - begin_us);
		}
		g_test_message("%s: %" G_GINT64_FORMAT " us", users[i], best_us[i]);
		g_assert_cmpint(best_us[i], >, best_us[0] / 2);
		g_assert_cmpint(best_us[i], <, best_us[0] * 2);
	}
	g_assert_false(login(f, "off", PASSWORD, "", NULL));
}

static void test_own_password(Fixture *f, gconstpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	add_person(f, "ann", "/ user");
	g_autofree char *mine = sign_in(f, "ann", "192.0.2.1"), *other = sign_in(f, "ann", "192.0.2.2");
	g_autofree char *token = add_token(f, "ann", "", NULL);
	g_autoptr(Principal) me = by_session(f, mine);
	for (guint i = 0; i < 4; i++) {
		g_assert_false(access_set_password(f->access, "ann", "wrong", "another password", me->id, "192.0.2.1",
						   "ann", &error));
		g_assert_cmpstr(error_field(error), ==, "current");
		assert_fails(&error, ERROR_FORBIDDEN, "the present one is wrong");
	}
	g_assert_false(access_set_password(f->access, "ann", PASSWORD, "another password", me->id, "192.0.2.1", "ann",
					   &error));
	assert_fails(&error, ERROR_TOO_MANY, "too many");
	pass(SECOND_US);
	g_assert_true(access_set_password(f->access, "ann", PASSWORD, "another password", me->id, "192.0.2.1", "ann",
					  &error));
	g_assert_no_error(error);
	for (guint i = 0; i < 2; i++) { /* and after a restart */
		g_autoptr(Principal) still = by_session(f, mine), gone = by_session(f, other), tok = by_token(f, token);
		g_assert_nonnull(still);
		g_assert_null(gone);
		g_assert_nonnull(tok);
		g_assert_false(login(f, "ann", PASSWORD, "", NULL));
		g_assert_true(login(f, "ann", "another password", "", NULL));
		reopen(f);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer data);
	} tests[] = {
		{"/login/failures slow the account from there whether it exists or not", test_slowed_login},
		{"/login/attempts at once are worth no more than one after another", test_attempts_at_once},
		{"/login/wrong tokens are slowed while right ones and signing in go on", test_wrong_secrets},
		{"/login/a flood from many addresses does not keep a known user out", test_flood},
		{"/login/new passwords keep the rules of the settings", test_rules},
		{"/login/hashes are salted yescrypt", test_hashes},
		{"/login/time tells nothing about an account", test_equal_time},
		{"/login/a new password ends the other sessions and leaves tokens", test_own_password},
	};
	g_test_add_func("/slow/the delay doubles from a second to a quarter of an hour", test_delays);
	g_test_add_func("/slow/failures are forgotten with time", test_forgetting);
	g_test_add_func("/slow/strangers elsewhere lock nobody out", test_strangers);
	g_test_add_func("/slow/many accounts tried from one source slow the source", test_source_alone);
	g_test_add_func("/slow/a network of 64 bits is one source", test_sources);
	g_test_add_func("/slow/the table is bounded and forgives when it is full", test_bounded);
	g_test_add_func("/slow/wrong tokens are counted apart", test_secrets);
	g_test_add_func("/gate/sources take turns and nobody fills the line", test_gate);
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
