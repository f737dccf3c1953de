/* Who may do what: users, roles, tokens, sessions, and the settings of all that. Passwords and the secrets of tokens
 * and sessions are in no document: they are in the store's table of secrets. */
#include <string.h>

#include "schema/checks.h"
#include "schema/privilege.h"
#include "schema/schema.h"

enum { NAME_MAX_LENGTH = 63, PASSWORD_MAX_LENGTH = 256 };

static const Field grant_fields[] = {
	{.name = "path", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128, .check = check_grant_path,
	 .title = "Path", .title_ja = "対象のパス",
	 .help = "what it is granted on, with all below: '/', '/vms', '/vms/100', '/tags/prod', '/storages/local'…",
	 .help_ja = "対象（下位すべてを含む）: '/'、'/vms'、'/vms/100'、'/tags/prod'、'/storages/local' など"},
	{.name = "role", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = NAME_MAX_LENGTH,
	 .check = schema_check_key,
	 .title = "Role", .title_ja = "ロール",
	 .help = "role that is granted there", .help_ja = "付与するロール"},
	{0}};
static const Table grant_table = {.name = "grant", .title = "Grant", .title_ja = "権限付与", .fields = grant_fields};

static const Field user_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1,
	 .max = NAME_MAX_LENGTH, .check = check_user_name,
	 .title = "Name to sign in with", .title_ja = "ログイン名",
	 .help = "name to sign in with", .help_ja = "ログイン名"},
	{.name = "full_name", .type = FIELD_STRING, .flags = FIELD_ROW, .max = 255, .fallback = "\"\"",
	 .check = check_one_line,
	 .title = "Full name", .title_ja = "表示名",
	 .help = "name for people", .help_ja = "表示名"},
	{.name = "enabled", .type = FIELD_BOOL, .flags = FIELD_ROW, .fallback = "true",
	 .title = "Enabled", .title_ja = "有効",
	 .help = "whether the user and its tokens may do anything", .help_ja = "有効かどうか（トークンを含む）"},
	{.name = "grants", .type = FIELD_MAP, .table = &grant_table, .max = 256, .singular = "grant", .fallback = "{}",
	 .title = "Grants", .title_ja = "権限付与",
	 .help = "roles, each on a path", .help_ja = "パスごとのロール"},
	{.name = "description", .type = FIELD_STRING, .max = 8192, .fallback = "\"\"",
	 .title = "Description", .title_ja = "説明",
	 .help = "free text",
	 .help_ja = "説明"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it was made (UTC)", .help_ja = "作成日時（UTC）"},
	{0}};
const Table user_table = {.name = "user", .title = "User", .title_ja = "ユーザー", .version = 1,
			  .fields = user_fields};

static const Field role_fields[] = {
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1,
	 .max = NAME_MAX_LENGTH, .check = schema_check_key,
	 .title = "Name", .title_ja = "名前",
	 .help = "name of the role", .help_ja = "ロール名"},
	{.name = "privileges", .type = FIELD_LIST, .flags = FIELD_REQUIRED | FIELD_ROW, .min = 0,
	 .max = PRIVILEGE_COUNT, .check = check_privilege,
	 .title = "Privileges", .title_ja = "権限",
	 .help = "what it allows", .help_ja = "許可する操作"},
	{.name = "description", .type = FIELD_STRING, .max = 8192, .fallback = "\"\"",
	 .title = "Description", .title_ja = "説明",
	 .help = "free text",
	 .help_ja = "説明"},
	{.name = "builtin", .type = FIELD_BOOL, .flags = FIELD_READONLY | FIELD_NULLABLE | FIELD_ROW,
	 .help = "always there, cannot be changed", .help_ja = "組み込み（変更不可）"},
	{0}};
const Table role_table = {.name = "role", .title = "Role", .title_ja = "ロール", .version = 1, .fields = role_fields};

static const Field token_fields[] = {
	{.name = "id", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = NAME_MAX_LENGTH,
	 .help = "identifies the token; no secret", .help_ja = "トークンの識別子（秘密ではない）"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE | FIELD_ROW, .min = 1,
	 .max = NAME_MAX_LENGTH, .check = check_user_name,
	 .title = "User", .title_ja = "ユーザー",
	 .help = "whose it is; who asks, if not given",
	 .help_ja = "所有者。省略時は要求した人"},
	{.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_FIXED | FIELD_ROW, .min = 1, .max = 63,
	 .check = check_one_line,
	 .title = "What it is for", .title_ja = "用途",
	 .help = "what it is for", .help_ja = "用途"},
	{.name = "expires", .type = FIELD_STRING, .flags = FIELD_FIXED | FIELD_NULLABLE | FIELD_ROW, .min = 10,
	 .max = 40, .check = check_time,
	 .title = "Ends", .title_ja = "有効期限",
	 .help = "when it ends (UTC, ISO 8601); never, if not given",
	 .help_ja = "有効期限（UTC、ISO 8601）。省略時は無期限"},
	{.name = "grants", .type = FIELD_MAP, .flags = FIELD_FIXED, .table = &grant_table, .max = 256,
	 .singular = "grant", .fallback = "{}",
	 .title = "Narrowed to", .title_ja = "権限の制限",
	 .help = "narrows the token: it may do what both these and its user's grants allow; all of its user's if empty",
	 .help_ja = "権限の制限。所有者の権限との共通部分になる。空なら所有者と同じ"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it was made (UTC)", .help_ja = "作成日時（UTC）"},
	{.name = "last_used", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE | FIELD_ROW, .max = 40,
	 .help = "when it was last used since the daemon started (UTC)", .help_ja = "最終使用日時（デーモン起動以降、UTC）"},
	{.name = "secret", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_NULLABLE, .max = 128,
	 .help = "what is sent as bearer: shown once, when the token is made, and kept nowhere",
	 .help_ja = "bearer として送る値。作成時に一度だけ表示され、どこにも保存されない"},
	{0}};
const Table token_table = {.name = "token", .title = "API token", .title_ja = "APIトークン", .version = 1,
			   .fields = token_fields};

static const Field session_fields[] = {
	{.name = "id", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .min = 1, .max = NAME_MAX_LENGTH,
	 .help = "identifies the session; no secret", .help_ja = "セッションの識別子（秘密ではない）"},
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = NAME_MAX_LENGTH,
	 .help = "who is signed in", .help_ja = "ユーザー"},
	{.name = "address", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 63,
	 .help = "where from", .help_ja = "接続元"},
	{.name = "agent", .type = FIELD_STRING, .flags = FIELD_READONLY, .max = 255,
	 .help = "program, as it calls itself", .help_ja = "クライアントの自称"},
	{.name = "created", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it began (UTC)", .help_ja = "開始日時（UTC）"},
	{.name = "last_used", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it was last used (UTC)", .help_ja = "最終使用日時（UTC）"},
	{.name = "expires", .type = FIELD_STRING, .flags = FIELD_READONLY | FIELD_ROW, .max = 40,
	 .help = "when it ends at the latest (UTC)", .help_ja = "有効期限（UTC）"},
	{.name = "current", .type = FIELD_BOOL, .flags = FIELD_READONLY, .help = "whether it is the one that asks",
	 .help_ja = "このセッション自身かどうか"},
	{0}};
const Table session_table = {.name = "session", .title = "Session", .title_ja = "セッション",
			     .fields = session_fields};

static const Field login_fields[] = {
	{.name = "user", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = NAME_MAX_LENGTH,
	 .check = check_user_name,
	 .title = "User", .title_ja = "ユーザー",
	 .help = "name", .help_ja = "ユーザー名"},
	{.name = "password", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = PASSWORD_MAX_LENGTH,
	 .title = "Password", .title_ja = "パスワード",
	 .help = "password", .help_ja = "パスワード"},
	{0}};
const Table login_table = {.name = "login", .title = "Sign-in", .title_ja = "ログイン", .fields = login_fields};

static const Field password_fields[] = {
	{.name = "current", .type = FIELD_STRING, .flags = FIELD_NULLABLE, .min = 1, .max = PASSWORD_MAX_LENGTH,
	 .title = "Present password", .title_ja = "現在のパスワード",
	 .help = "the present one; needed to change one's own", .help_ja = "現在のパスワード。自分の変更時に必要"},
	{.name = "password", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = PASSWORD_MAX_LENGTH,
	 .title = "New password", .title_ja = "新しいパスワード",
	 .help = "the new one", .help_ja = "新しいパスワード"},
	{0}};
const Table password_table = {.name = "password", .title = "Password", .title_ja = "パスワード",
			      .fields = password_fields};

static const Field settings_fields[] = {
	{.name = "password_length", .type = FIELD_INT, .flags = FIELD_ROW, .min = 8, .max = 128, .fallback = "12",
	 .title = "Length of passwords", .title_ja = "パスワードの最小文字数",
	 .help = "shortest password, in characters", .help_ja = "パスワードの最小文字数"},
	{.name = "password_lower", .type = FIELD_BOOL, .flags = FIELD_ROW, .fallback = "false",
	 .title = "Lower-case letter needed", .title_ja = "小文字が必要",
	 .help = "a password needs a lower-case letter", .help_ja = "パスワードに小文字が必要"},
	{.name = "password_upper", .type = FIELD_BOOL, .flags = FIELD_ROW, .fallback = "false",
	 .title = "Upper-case letter needed", .title_ja = "大文字が必要",
	 .help = "a password needs an upper-case letter", .help_ja = "パスワードに大文字が必要"},
	{.name = "password_digit", .type = FIELD_BOOL, .flags = FIELD_ROW, .fallback = "false",
	 .title = "Digit needed", .title_ja = "数字が必要",
	 .help = "a password needs a digit", .help_ja = "パスワードに数字が必要"},
	{.name = "password_special", .type = FIELD_BOOL, .flags = FIELD_ROW, .fallback = "false",
	 .title = "Other character needed", .title_ja = "記号が必要",
	 .help = "a password needs a character that is neither letter nor digit", .help_ja = "パスワードに記号が必要"},
	{.name = "session_idle", .type = FIELD_INT, .flags = FIELD_ROW, .min = 60, .max = 30 * 86400,
	 .fallback = "43200", .unit = "s",
	 .title = "Session ends unused after", .title_ja = "無操作でのセッション終了",
	 .help = "a session that is not used for so long ends", .help_ja = "無操作でセッションが終わるまでの時間"},
	{.name = "session_lifetime", .type = FIELD_INT, .flags = FIELD_ROW, .min = 60, .max = 365 * 86400,
	 .fallback = "604800", .unit = "s",
	 .title = "Session ends after", .title_ja = "セッションの最長時間",
	 .help = "a session ends after so long in any case",
	 .help_ja = "セッションの最長時間"},
	{0}};
const Table access_settings_table = {.name = "access-settings", .title = "Access settings", .title_ja = "アクセス設定",
				     .version = 1, .fields = settings_fields};
