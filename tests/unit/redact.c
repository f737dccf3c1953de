/* What is taken out of a support bundle's texts. */
#include <glib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "doctor/redact.h"

static void assert_gone(const char *text, const char *secret)
{
	g_autofree char *clean = redact_text(text, strlen(text));
	if (strstr(clean, secret))
		g_error("'%s' is still in: %s", secret, clean);
	g_assert_nonnull(strstr(clean, "taken out"));
}

static void assert_kept(const char *text)
{
	g_autofree char *clean = redact_text(text, strlen(text));
	g_assert_cmpstr(clean, ==, text);
}

static void test_secrets(void)
{
	static const struct {
		const char *text, *secret;
	} cases[] = {
		{"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqG\nSM49\n-----END PRIVATE KEY-----\n",
		 "MIGHAgEAMBMGByqG"},
		{"-----BEGIN EC PRIVATE KEY-----\nMIGHAgEAMBMGByqG\n", "MIGHAgEAMBMGByqG"}, /* cut off */
		{"token yado_abcdefgh_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE given", "AbCdEfGhIjKl"},
		{"cookie was AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE", "AbCdEfGhIjKl"},
		{"session 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE'", "AbCdEfGhIjKl"},
		{"Authorization: Bearer abc.def\nnext", "abc.def"},
		{"authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"},
		{"> Set-Cookie: __Host-yado=abc; Secure", "abc"},
		{"x-csrf-token: 12345", "12345"},
		{"sent bearer 0123456789", "0123456789"},
		{"user password=hunter2 was", "hunter2"},
		{"{\"password\": \"hunter2 and more\"}", "hunter2"},
		{"{\"password\": \"hunter2 \\\" and more\"}", "more"},
		{"{'db_passwd': 'hunter2'}", "hunter2"},
		{"ADMIN_PASSWORD: hunter2", "hunter2"},
		{"luks.passphrase = hunter2", "hunter2"},
		{"ro quiet api_key=hunter2 console=ttyS0", "hunter2"},
		{"mount -o username=u,password=hunter2,rw", "hunter2"},
		{"prog --password hunter2 --go", "hunter2"},
		{"prog --root-password=hunter2", "hunter2"},
		{"root:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7:19000::",
		 "F5Jx5fExrKuPp53xLKQ"},
		{"hash $6$saltsalt$0123456789abcdef./", "0123456789abcdef"},
		{"proxy http://user:hunter2@proxy:3128/", "hunter2"},
		{"iscsi://u%chap:hunter2@target/", "hunter2"},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_gone(cases[i].text, cases[i].secret);
}

static void test_harmless(void)
{
	assert_kept("yadod 0.1.0 serves node 'vm' on /run/yado/api.sock (acceleration: tcg)\n");
	assert_kept("audit log: entry 4 has the hash "
		    "426a29554695d4a24073f173d24984e9bf5e89c5cde7106207ff0856fa056cae\n");
	assert_kept(
		"{\"state\":\"running\",\"mac\":\"52:54:00:12:34:56\",\"uuid\":\"0be878f4-336c-4588-9c78-1adadf2c2f03\"}\n");
	assert_kept("-chardev socket,id=qmp,fd=10,server=on,wait=off -device virtio-net-pci,netdev=nic0\n");
	assert_kept("宿 ホスト\t\n");
}

/* What is called a secret is gone, whatever it is; nothing else changes. */
static void test_documents(void)
{
	static const char text[] =
		"{\"name\":\"web\",\"description\":\"the password is "
		"hunter2\",\"nics\":{\"nic0\":{\"mac\":\"52:54:00:00:00:01\"}},\"cloud\":{\"user_data\":\"hunter2\",\"password\":[\"hunter2\"],\"ssh_key\":\"hunter2\",\"token\":{\"a\":\"hunter2\"}},\"list\":[{\"password_hash\":\"hunter2\"}],\"password_required\":true,\"key\":5}";
	json_auto json_object *json = json_parse(text, strlen(text), NULL);
	redact_json(json);
	g_autofree char *clean = json_dup_text(json);
	g_assert_null(strstr(clean, "hunter2"));
	g_assert_cmpstr(json_get_str(json, "name", NULL), ==, "web");
	g_assert_cmpstr(json_object_get_string(json_get_path(json, "nics.nic0.mac")), ==, "52:54:00:00:00:01");
	g_assert_true(json_get_bool(json, "password_required", FALSE));
}

static void test_control_characters(void)
{
	static const char text[] = "a\033[31mred\007 \x9b\xff end\r\n\177";
	g_autofree char *clean = redact_text(text, sizeof text - 1);
	g_assert_true(g_utf8_validate(clean, -1, NULL));
	for (const char *at = clean; *at; at++)
		g_assert_true((guchar)*at >= ' ' || *at == '\n');
	g_assert_null(strchr(clean, 0x7f));
	g_assert_nonnull(strstr(clean, "red"));
}

/* A log of one endless word, or of nothing but colons, is searched in a time that its length bounds. */
static void test_endless(void)
{
	static const char *const parts[] = {"a", ":", "://a:", "password", "--", "\"", "-----BEGIN PRIVATE KEY-----",
					    "{"};
	enum { LENGTH = 1 << 18, SECONDS_MAX = 20 };
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		while (text->len < LENGTH)
			g_string_append(text, parts[i]);
		clock_t begun = clock(); /* of the processor: the machine may be busy */
		g_autofree char *clean = redact_text(text->str, text->len);
		g_assert_cmpint(clock() - begun, <, (clock_t)SECONDS_MAX * CLOCKS_PER_SEC);
		g_assert_nonnull(clean);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/redact/what looks like a secret is taken out", test_secrets);
	g_test_add_func("/redact/what is none stays as it is", test_harmless);
	g_test_add_func("/redact/documents lose what is called a secret, and free text", test_documents);
	g_test_add_func("/redact/control characters do not reach a terminal", test_control_characters);
	g_test_add_func("/redact/no text takes for ever", test_endless);
	return g_test_run();
}
