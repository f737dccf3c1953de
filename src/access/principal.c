/* Who asks: immutable once made, so it goes from thread to thread with nothing but its count of references. */
#include "access/internal.h"

Principal *principal_new(PrincipalKind kind, const char *user, const char *id, const char *csrf, const char *address)
{
	Principal *principal = g_new0(Principal, 1);
	g_atomic_ref_count_init(&principal->refs);
	principal->kind = kind;
	principal->user = g_strdup(user);
	principal->id = g_strdup(id);
	principal->csrf = g_strdup(csrf);
	principal->address = g_strdup(address ? address : "");
	return principal;
}

Principal *principal_new_root(void)
{
	return principal_new(PRINCIPAL_ROOT, "root", "", NULL, "");
}

Principal *principal_ref(Principal *principal)
{
	g_atomic_ref_count_inc(&principal->refs);
	return principal;
}

void principal_unref(Principal *principal)
{
	if (!principal || !g_atomic_ref_count_dec(&principal->refs))
		return;
	g_free(principal->user);
	g_free(principal->id);
	secret_free(principal->csrf);
	g_free(principal->address);
	g_free(principal->since);
	g_free(principal);
}

char *principal_via(const Principal *principal)
{
	switch (principal->kind) {
	case PRINCIPAL_SESSION:
		return g_strconcat("session:", principal->id, NULL);
	case PRINCIPAL_TOKEN:
		return g_strconcat("token:", principal->id, NULL);
	case PRINCIPAL_ROOT:
		break;
	}
	return g_strdup("socket");
}
