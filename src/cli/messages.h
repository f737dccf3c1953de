/* Every string that people read, in English and Japanese.
 *
 * MESSAGE(name, english, japanese) makes two arrays, so that a missing translation does not compile and the compiler
 * checks the printf arguments against both. T(name) is the one for the language of this call; TEXT(name) initializes
 * a Text in a const table. What comes from the daemon (messages of errors, hints, plans) is passed on as it is. */
#pragma once
#include <glib.h>

extern gboolean speak_japanese;

typedef struct Text {
	const char *en, *ja;
} Text;

static inline const char *text_of(Text text)
{
	return speak_japanese ? text.ja : text.en;
}

#define MESSAGE(name, english, japanese)                                                                              \
	_Static_assert(sizeof(english) > 1 && sizeof(japanese) > 1, "a translation is missing");                      \
	static const char name##_en[] G_GNUC_UNUSED = english;                                                        \
	static const char name##_ja[] G_GNUC_UNUSED = japanese
#define T(name) (speak_japanese ? name##_ja : name##_en)
#define TEXT(name)                                                                                                    \
	{                                                                                                             \
		name##_en, name##_ja                                                                                  \
	}

/* The command line */
MESSAGE(m_did_you_mean, "did you mean %s?", "もしかして: %s");
MESSAGE(m_did_you_mean_command, "did you mean '%s'?", "もしかして: '%s'");
MESSAGE(m_see_help, "see '%s'", "'%s' を参照してください");
MESSAGE(m_unknown_command, "there is no command '%s'", "'%s' というコマンドはありません");
MESSAGE(m_unknown_option, "there is no option %s for '%s'", "%s は '%s' のオプションではありません");
MESSAGE(m_unknown_global_option, "there is no global option %s", "%s というグローバルオプションはありません");
MESSAGE(m_options_come_after, "a command's own options come after it: yado vm list --state running",
	"コマンド固有のオプションはコマンドの後に書きます: yado vm list --state running");
MESSAGE(m_fixed_flag, "%s is fixed when the object is made and cannot be changed",
	"%s は作成時に決まり、変更できません");
MESSAGE(m_fixed_hint, "make a new one with the other value", "別の値で新しく作成してください");
MESSAGE(m_option_needs_value, "%s needs a value: %s", "%s には値 %s が必要です");
MESSAGE(m_option_takes_no_value, "%s takes no value", "%s は値を取りません");
MESSAGE(m_option_values, "%s must be one of %s, not '%s'", "%s は %s のいずれかです（'%s' は不可）");
MESSAGE(m_option_number, "--%s must be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", not '%s'",
	"--%s は %" G_GINT64_FORMAT " から %" G_GINT64_FORMAT " までの整数です（'%s' は不可）");
MESSAGE(m_missing_word, "'%s' needs an argument: %s", "'%s' には引数が必要です: %s");
MESSAGE(m_extra_word, "'%s' is one argument too many for '%s'", "'%s' は '%s' の余分な引数です");
MESSAGE(m_unknown_column, "there is no column '%s'; there are %s", "'%s' という列はありません。使えるのは %s です");
MESSAGE(m_unknown_shell, "there is no completion for '%s', only for bash", "'%s' の補完はありません（bashのみ）");

/* Help */
MESSAGE(m_usage, "Usage:", "使い方:");
MESSAGE(m_usage_options, " [options]", " [オプション]");
MESSAGE(m_command_word, "COMMAND", "コマンド");
MESSAGE(m_also, "  also: %s\n", "  別名: %s\n");
MESSAGE(m_options, "Options:", "オプション:");
MESSAGE(m_change_options, "Options of every change:", "変更に共通のオプション:");
MESSAGE(m_field_options, "Fields:", "フィールド:");
MESSAGE(m_global_options, "Global options:", "グローバルオプション:");
MESSAGE(m_more_help_group, "\nMore: yado help %s COMMAND\n", "\n詳細: yado help %s コマンド\n");
MESSAGE(m_what_yado_is, "Virtual machines, here and on other hosts.", "このホストや他のホストの仮想マシンを管理します。");
MESSAGE(m_first_steps,
	"First steps:  yado image build tiny;  yado vm create hello --image tiny --start;  yado console hello\n"
	"More:  yado help COMMAND,  yado help exit-codes",
	"はじめに:  yado image build tiny;  yado vm create hello --image tiny --start;  yado console hello\n"
	"詳細:  yado help コマンド、 yado help exit-codes");
MESSAGE(m_group_vm, "virtual machines", "仮想マシン");
MESSAGE(m_group_image, "images that guests are made from", "ゲストの元になるイメージ");
MESSAGE(m_group_storage, "where disks are kept", "ディスクの置き場所");
MESSAGE(m_group_mapping, "devices and directories of the host, by name", "ホストのデバイスとディレクトリのマッピング");
MESSAGE(m_group_task, "long work, running and done", "実行中・終了したタスク");
MESSAGE(m_group_node, "the machines that guests run on", "ゲストが動くマシン");
MESSAGE(m_group_history, "who changed what; compare, restore", "変更履歴、比較、復元");
MESSAGE(m_group_top, "commands without a group", "その他のコマンド");
MESSAGE(m_opt_output, "how to print", "出力形式");
MESSAGE(m_opt_fields, "columns of a table, by name", "表に出す列の名前");
MESSAGE(m_opt_quiet, "print only what was asked for", "余分な表示をしない");
MESSAGE(m_opt_verbose, "print the log of a task as it grows", "タスクのログを随時表示する");
MESSAGE(m_opt_socket, "the daemon's socket (else $YADO_SOCKET, else /run/yado/api.sock)",
	"デーモンのソケット（省略時は $YADO_SOCKET、次に /run/yado/api.sock）");
MESSAGE(m_opt_lang, "language of messages", "メッセージの言語");
MESSAGE(m_opt_help, "this help", "このヘルプ");
MESSAGE(m_opt_plan, "show what would change, and change nothing", "変更内容を示すだけで、何も変更しない");
MESSAGE(m_opt_no_wait, "do not wait for the task; print its number", "タスクの終了を待たず、番号を表示する");
MESSAGE(m_opt_if_rev, "only if the object's revision is still N", "リビジョンがNのままの場合だけ変更する");
MESSAGE(m_opt_idempotency_key, "run again with the same KEY, it is not done a second time", "同じKEYで再実行しても二重に実行されない");
MESSAGE(m_opt_yes, "do not ask", "確認しない");
MESSAGE(m_exit_done, "done (also: a plan that would not be refused)", "成功（拒否されない計画を含む）");
MESSAGE(m_exit_refused, "refused or failed", "拒否または失敗");
MESSAGE(m_exit_usage, "wrong usage of the command", "コマンドの使い方の誤り");
MESSAGE(m_exit_missing, "the object does not exist", "対象が存在しない");
MESSAGE(m_exit_conflict, "conflict: in use, name taken, or changed in the meantime", "競合: 使用中、名前の重複、または他で変更された");
MESSAGE(m_exit_unreachable, "the daemon cannot be reached", "デーモンに接続できない");
MESSAGE(m_exit_task_failed, "the task failed", "タスクが失敗した");
MESSAGE(m_exit_timed_out, "time over, or the task was cancelled", "時間切れ、またはタスクがキャンセルされた");
MESSAGE(m_exit_interrupted, "interrupted by Ctrl-C; a task goes on", "Ctrl-Cによる中断（タスクは続行）");
MESSAGE(m_help_help, "help on a command, a group, or 'exit-codes'", "コマンド、グループ、'exit-codes' の説明");
MESSAGE(m_version_help, "the version of this command", "このコマンドのバージョン");
MESSAGE(m_completion_help, "print the completion script of a shell", "シェルの補完スクリプトを出力する");
MESSAGE(m_events_help, "follow changes as they happen", "変更をリアルタイムに表示する");

/* Manual pages */
MESSAGE(m_man_name, "NAME", "名前");
MESSAGE(m_man_synopsis, "SYNOPSIS", "書式");
MESSAGE(m_man_description, "DESCRIPTION", "説明");
MESSAGE(m_man_groups, "GROUPS OF COMMANDS", "コマンドのグループ");
MESSAGE(m_man_commands, "COMMANDS", "コマンド");
MESSAGE(m_man_options, "OPTIONS", "オプション");
MESSAGE(m_man_exit, "EXIT STATUS", "終了コード");
MESSAGE(m_man_environment, "ENVIRONMENT", "環境変数");
MESSAGE(m_man_files, "FILES", "ファイル");
MESSAGE(m_man_examples, "EXAMPLES", "例");
MESSAGE(m_man_see_also, "SEE ALSO", "関連項目");
MESSAGE(m_man_words, "arguments and options", "引数とオプション");
MESSAGE(m_man_about,
	"yado speaks to the daemon yadod of this host over its local socket, for which it has to run as root, or to that of "
	"another host over HTTPS, with a token.\n"
	"A guest is named by its id or its name. Every change can be asked for with --plan: the answer is what would change, "
	"when it takes effect, and what would be refused.",
	"yado は、このホストのデーモン yadod にローカルソケットで（root として）、または他のホストの yadod に HTTPS とトークンで"
	"接続します。\n"
	"ゲストは ID または名前で指定します。どの変更も --plan を付けると、何がいつ変わり何が拒否されるかだけを表示します。");
MESSAGE(m_man_changes, "The options of every change (--plan, --no-wait and others) and the global ones are in yado(1).",
	"変更に共通のオプション（--plan、--no-wait など）とグローバルオプションは yado(1) にあります。");
MESSAGE(m_man_env_socket, "the daemon's socket, in place of --socket", "デーモンのソケット（--socket の代わり）");
MESSAGE(m_man_env_remote, "the host to speak to, in place of --remote", "操作するホスト（--remote の代わり）");
MESSAGE(m_man_env_token, "the API token, in place of --token-file", "APIトークン（--token-file の代わり）");
MESSAGE(m_man_env_locale, "English, or Japanese if it begins with 'ja'", "'ja' で始まれば日本語、それ以外は英語");
MESSAGE(m_man_env_no_color, "no colours, if it is not empty", "空でなければ色を付けない");
MESSAGE(m_man_file_socket, "where the daemon of this host listens", "このホストのデーモンのソケット");
MESSAGE(m_man_file_remotes, "saved hosts and their tokens: yado-remote(1)", "保存したホストとトークン: yado-remote(1)");
MESSAGE(m_man_file_state, "the daemon's state: yadod(8)", "デーモンの状態: yadod(8)");

/* Remote hosts and secrets */
MESSAGE(m_opt_remote, "another host, saved or by its URL (else $YADO_REMOTE); 'none' is this one",
	"操作するホスト（保存名またはURL。省略時は $YADO_REMOTE）。'none' はこのホスト");
MESSAGE(m_opt_token_file, "file with the API token for --remote, '-' for standard input (else $YADO_TOKEN)",
	"--remote 用のAPIトークンのファイル。'-' は標準入力（省略時は $YADO_TOKEN）");
MESSAGE(m_opt_token, "the token itself; other users of this machine can see it for a moment",
	"トークンそのもの（このマシンの他のユーザーに一瞬見える）");
MESSAGE(m_opt_fingerprint, "SHA-256 of the remote's certificate; no other one is taken",
	"リモートの証明書のSHA-256。他の証明書は拒否する");
MESSAGE(m_socket_or_remote, "--socket and --remote do not go together", "--socket と --remote は同時に使えません");
MESSAGE(m_socket_or_remote_hint, "leave out one of them", "どちらかを外してください");
MESSAGE(m_remotes_open, "'%s' has secrets and can be read by others, or is not yours",
	"'%s' は秘密を含むのに、他のユーザーが読めるか、あなたのものではありません");
MESSAGE(m_remotes_open_hint, "revoke the tokens in it if others may have read them; then make it yours alone: chmod 600, chown",
	"読まれた恐れがあればトークンを失効させ、chmod 600 と chown で自分専用にしてください");
MESSAGE(m_remote_unknown, "there is no remote '%s'", "'%s' というリモートはありません");
MESSAGE(m_remote_unknown_hint, "see 'yado remote list', or add it: yado remote add NAME https://HOST:8006",
	"'yado remote list' を見るか、追加してください: yado remote add NAME https://ホスト:8006");
MESSAGE(m_token_missing, "no token was given for '%s'", "'%s' 用のトークンがありません");
MESSAGE(m_token_missing_hint,
	"give it with --token-file or $YADO_TOKEN, or save it: yado remote add; there it is made with: yado token create NAME",
	"--token-file か $YADO_TOKEN で渡すか、yado remote add で保存してください。作成は向こうで: yado token create NAME");
MESSAGE(m_certificate_unknown, "The certificate of %s is not known (%s).\n  SHA-256 %s\n",
	"%s の証明書は未知のものです（%s）。\n  SHA-256 %s\n");
MESSAGE(m_certificate_confirm, "Is that the fingerprint that quickstart or the log of yado-httpd shows there? Trust it from now on?",
	"そのホストの quickstart か yado-httpd のログが示す値と同じですか? 今後これを信頼しますか?");
MESSAGE(m_certificate_declined, "the certificate was not taken, nothing was sent", "証明書を受け入れず、何も送りませんでした");
MESSAGE(m_certificate_untrusted, "the certificate of '%s' is not known; its SHA-256 is %s",
	"'%s' の証明書は未知のものです。SHA-256 は %s");
MESSAGE(m_certificate_hint, "compare it with that on the host, then give it with --fingerprint, or save it: yado remote add",
	"ホスト側の値と比べ、--fingerprint で渡すか、yado remote add で保存してください");
MESSAGE(m_cannot_read, "cannot read %s", "%s を読めません");
MESSAGE(m_stdin, "standard input", "標準入力");
MESSAGE(m_terminal, "the terminal", "端末");
MESSAGE(m_secret_empty, "there is no text on the first line of %s", "%s の最初の行が空です");
MESSAGE(m_secret_long, "the first line of %s is too long", "%s の最初の行が長すぎます");
MESSAGE(m_secret_no_terminal, "there is no terminal to ask on", "入力する端末がありません");
MESSAGE(m_secret_no_terminal_hint, "give it in a file, or with '-' on standard input",
	"ファイルで渡すか、'-' を指定して標準入力で渡してください");
MESSAGE(m_passwords_differ, "the two are not the same", "2回の入力が一致しません");
MESSAGE(m_try_again, "try again", "もう一度やり直してください");

MESSAGE(m_group_remote, "other hosts by name, with token and certificate", "リモートホストの登録（トークン、証明書）");
MESSAGE(m_remote_list_help, "list saved remotes", "保存したリモートの一覧");
MESSAGE(m_remote_show_help, "show a saved remote", "保存したリモートを表示する");
MESSAGE(m_remote_add_help, "save a remote: asks for its token, shows its certificate, tries both",
	"リモートを保存する（トークンを尋ね、証明書を示し、接続を確認する）");
MESSAGE(m_remote_use_help, "use a remote without --remote from now on; 'none' goes back to this host",
	"--remote なしでそのリモートを使う。'none' でこのホストに戻す");
MESSAGE(m_remote_trust_help, "take the renewed certificate of a remote", "更新されたリモートの証明書を受け入れる");
MESSAGE(m_remote_remove_help, "forget a saved remote and its token", "保存したリモートとトークンを削除する");
MESSAGE(m_remote_none, "No remotes. Add one: yado remote add NAME https://HOST:8006",
	"リモートはありません。追加: yado remote add NAME https://ホスト:8006");
MESSAGE(m_remote_name, "'%s' cannot be the name of a remote: use a-z, 0-9, '-', '_' and '.'; 'none' is taken",
	"'%s' はリモート名にできません。a-z、0-9、'-'、'_'、'.' を使ってください（'none' は不可）");
MESSAGE(m_remote_exists, "there is a remote '%s' already", "リモート '%s' は既にあります");
MESSAGE(m_remote_exists_hint, "remove it first (yado remote remove), or take another name",
	"先に削除する（yado remote remove）か、別の名前にしてください");
MESSAGE(m_remote_added, "remote %s is saved; one is user %s there. Try: yado --remote %s vm list\n",
	"リモート %s を保存しました（ユーザー %s）。例: yado --remote %s vm list\n");
MESSAGE(m_remote_trusted, "the certificate of remote %s is pinned\n", "リモート %s の証明書を登録しました\n");
MESSAGE(m_remote_removed, "remote %s is forgotten; its token is valid until it is deleted there\n",
	"リモート %s を削除しました。トークンは向こうで削除するまで有効です\n");
MESSAGE(m_remote_used, "commands go to %s from now on\n", "今後のコマンドは %s に送られます\n");
MESSAGE(m_remote_used_none, "commands go to this host again%.0s\n", "今後のコマンドはこのホストに送られます%.0s\n");
MESSAGE(m_opt_remote_user, "have a token made for that user, whose password is asked for", "そのユーザーのパスワードを尋ね、トークンを作らせる");
MESSAGE(m_opt_remote_password, "file with that user's password, '-' for standard input", "そのユーザーのパスワードのファイル。'-' は標準入力");
MESSAGE(m_remote_password_alone, "--password-file goes with --user", "--password-file は --user と共に使います");
MESSAGE(m_ask_password_of, "Password of %s there: ", "そのホストの %s のパスワード: ");
MESSAGE(m_ask_token, "API token: ", "APIトークン: ");

/* Access */
MESSAGE(m_group_user, "who may sign in, and what is granted to them", "ユーザーと権限付与");
MESSAGE(m_group_preset, "recommended hardware for each operating system", "OSごとの推奨ハードウェア");
MESSAGE(m_group_role, "sets of privileges", "権限のまとまり（ロール）");
MESSAGE(m_group_token, "tokens for programs and remote commands", "プログラムとリモートコマンド用のトークン");
MESSAGE(m_group_session, "who is signed in", "ログイン中のセッション");
MESSAGE(m_group_audit, "who asked for what, and how it went", "監査ログ");
MESSAGE(m_group_access, "rules for passwords and sessions", "パスワードとセッションの規則");
MESSAGE(m_object_made, "%s %s is made", "%s %s を作成しました");
MESSAGE(m_object_changed, "%s %s is changed", "%s %s を変更しました");
MESSAGE(m_object_deleted, "%s %s is deleted", "%s %s を削除しました");
MESSAGE(m_object_confirm_delete, "Delete %s %s for good?", "%s %s を完全に削除しますか?");
MESSAGE(m_user_list_help, "list users", "ユーザーの一覧");
MESSAGE(m_user_show_help, "show a user and what is granted to it", "ユーザーと付与された権限を表示する");
MESSAGE(m_user_create_help, "make a user; asks for its password", "ユーザーを作成する（パスワードを尋ねる）");
MESSAGE(m_user_set_help, "change a user", "ユーザーを変更する");
MESSAGE(m_user_delete_help, "delete users with their tokens and sessions", "ユーザーをトークン、セッションごと削除する");
MESSAGE(m_user_password_help, "set a password; on another host one's own if no user is named",
	"パスワードを設定する（リモートで省略時は自分）");
MESSAGE(m_user_none, "No users. Make one: yado user create NAME --grant path=/,role=admin",
	"ユーザーはいません。作成: yado user create NAME --grant path=/,role=admin");
MESSAGE(m_opt_password_file, "file with the password on its first line, '-' for standard input",
	"1行目にパスワードを書いたファイル。'-' は標準入力");
MESSAGE(m_opt_generate_password, "make a password and print it, this once", "パスワードを生成し、一度だけ表示する");
MESSAGE(m_opt_no_password, "without one: such a user has only tokens", "パスワードなし（トークンのみで利用）");
MESSAGE(m_opt_current_file, "on another host: file with one's own present password", "リモートの場合、自分の現在のパスワードのファイル");
MESSAGE(m_ask_password, "New password: ", "新しいパスワード: ");
MESSAGE(m_ask_password_again, "Once more: ", "もう一度: ");
MESSAGE(m_ask_current_password, "Your present password: ", "あなたの現在のパスワード: ");
MESSAGE(m_password_one_way, "a password is given in one way only", "パスワードの指定方法は1つだけにしてください");
MESSAGE(m_password_is, "the password of %s is %s\n", "%s のパスワード: %s\n");
MESSAGE(m_password_set, "the password of %s is set\n", "%s のパスワードを設定しました\n");
MESSAGE(m_user_without_password, "  user %s is made, but has no password yet: yado user password %s\n",
	"  ユーザー %s は作成されましたが、パスワードは未設定です: yado user password %s\n");
MESSAGE(m_whoami_help, "who one is here, and by which credential", "自分が誰として接続しているか");
MESSAGE(m_role_list_help, "list roles", "ロールの一覧");
MESSAGE(m_role_show_help, "show a role", "ロールを表示する");
MESSAGE(m_role_create_help, "make a role", "ロールを作成する");
MESSAGE(m_role_set_help, "change a role", "ロールを変更する");
MESSAGE(m_role_delete_help, "delete roles that nobody has", "誰にも付与されていないロールを削除する");
MESSAGE(m_role_privileges_help, "list what a role can allow", "ロールが許可できる操作の一覧");
MESSAGE(m_role_none, "No roles.", "ロールはありません。");
MESSAGE(m_token_list_help, "list tokens", "トークンの一覧");
MESSAGE(m_token_create_help, "make a token and print its secret, this once", "トークンを作成し、秘密を一度だけ表示する");
MESSAGE(m_token_delete_help, "delete tokens: they end at once", "トークンを削除する（即時に無効）");
MESSAGE(m_token_none, "No tokens. Make one: yado token create NAME", "トークンはありません。作成: yado token create NAME");
MESSAGE(m_token_made, "token %s (%s) is made; its secret is shown only now:\n",
	"トークン %s (%s) を作成しました。秘密は今だけ表示されます:\n");
MESSAGE(m_session_list_help, "list sessions", "セッションの一覧");
MESSAGE(m_session_revoke_help, "end sessions", "セッションを終了させる");
MESSAGE(m_session_none, "Nobody is signed in.", "ログイン中のセッションはありません。");
MESSAGE(m_audit_list_help, "list entries, newest first", "記録の一覧（新しい順）");
MESSAGE(m_audit_verify_help, "check the log's chain of hashes; with SEQ HASH also that this entry is as it was then",
	"ログのハッシュ連鎖を検査する。SEQ HASH を付けると、その記録が当時のままかも調べる");
MESSAGE(m_audit_none, "No entries.", "記録はありません。");
MESSAGE(m_audit_intact, "%" G_GINT64_FORMAT " entries, none altered or missing; the last is\n  %" G_GINT64_FORMAT " %s\n",
	"%" G_GINT64_FORMAT " 件、改変も欠落もありません。最後の記録:\n  %" G_GINT64_FORMAT " %s\n");
MESSAGE(m_audit_broken, "yado: the audit log is not as it was written, from entry %" G_GINT64_FORMAT " on: %s\n",
	"yado: 監査ログは記録 %" G_GINT64_FORMAT " 以降が書かれた時と異なります: %s\n");
MESSAGE(m_opt_audit_user, "only what that user asked for", "そのユーザーの要求だけ");
MESSAGE(m_opt_audit_object, "only what that object is about, as in vm/100", "その対象だけ（例: vm/100）");
MESSAGE(m_opt_audit_outcome, "only what went so", "その結果だけ");
MESSAGE(m_opt_audit_before, "only older entries than N", "記録Nより古いものだけ");
MESSAGE(m_access_show_help, "show the rules", "規則を表示する");
MESSAGE(m_access_set_help, "change the rules", "規則を変更する");
MESSAGE(m_access_changed, "the rules are changed", "規則を変更しました");
MESSAGE(m_nothing_to_set_access_hint, "for example --password-length 16; all fields: --help",
	"例: --password-length 16。全フィールド: --help");
MESSAGE(m_unauthorized_hint, "the token is wrong, has ended or was deleted: make another there (yado token create), then give it with "
	"--token-file or save it with yado remote add",
	"トークンが誤りか、失効または削除されています。向こうで作り直し（yado token create）、--token-file か yado remote add で渡してください");
MESSAGE(m_forbidden_hint, "'yado whoami' shows what is granted; who manages access can grant more: yado user set NAME --grant path=…,role=…",
	"'yado whoami' で付与された権限を確認できます。追加は管理者が: yado user set NAME --grant path=…,role=…");
MESSAGE(m_too_many_hint, "wait a little, then try again", "少し待ってからやり直してください");
MESSAGE(m_step_digest, "reading", "読み込み");
MESSAGE(m_step_upload, "upload", "アップロード");
MESSAGE(m_step_retry, "the connection was lost; going on", "接続が切れたため再開");
MESSAGE(m_step_download, "download", "ダウンロード");
MESSAGE(m_image_export_help, "write an image's disk (qcow2) or ISO to a file", "イメージのディスク（qcow2）またはISOをファイルに書き出す");
MESSAGE(m_image_exported, "image %s is in '%s' (%s)\n", "イメージ %s を '%s' に書き出しました（%s）\n");
MESSAGE(m_file_exists, "'%s' exists", "'%s' は既にあります");
MESSAGE(m_file_exists_hint, "give another name, or --force", "別の名前にするか、--force を付けてください");
MESSAGE(m_opt_force, "replace the file if it exists", "既存のファイルを置き換える");
MESSAGE(m_cannot_write, "cannot write '%s'", "'%s' に書き込めません");
MESSAGE(m_download_cut, "'%s' came only in part (%s of %s)", "'%s' は途中までしか届きませんでした（%s / %s）");

/* Words in values */
MESSAGE(m_yes, "yes", "はい");
MESSAGE(m_no, "no", "いいえ");
MESSAGE(m_made, "made", "作成");
MESSAGE(m_deleted, "deleted", "削除");
MESSAGE(m_event_deleted, "  deleted", "  削除");
MESSAGE(m_event_changed, "  changed", "  変更");
MESSAGE(m_event_missed, "some changes are not shown: there were too many, or your rights have changed",
	"一部の変更は表示されません（変更が多すぎるか、権限が変更されました）");
MESSAGE(m_revision, "revision", "リビジョン");

/* Plans and tasks */
MESSAGE(m_plan_heading, "Plan on revision %" G_GINT64_FORMAT ":\n", "リビジョン %" G_GINT64_FORMAT " に対する計画:\n");
MESSAGE(m_plan_now, "now", "即時");
MESSAGE(m_plan_restart, "at restart", "再起動時");
MESSAGE(m_plan_chosen, "chosen by the preset of the operating system:", "OSのプリセットによる選択:");
MESSAGE(m_plan_nothing, "nothing would change", "変更はありません");
MESSAGE(m_plan_refused, "refused:", "拒否:");
MESSAGE(m_task_goes_on, "task %" G_GINT64_FORMAT " (yado task wait %" G_GINT64_FORMAT ")\n",
	"タスク %" G_GINT64_FORMAT " (yado task wait %" G_GINT64_FORMAT ")\n");
MESSAGE(m_time_left, "%s, about %s left", "%s、残り約%s");
MESSAGE(m_task_done, "%s: %sdone%s in %s\n", "%s: %s完了%s（%s）\n");
MESSAGE(m_task_cancelled, "%s: cancelled; see yado task log %" G_GINT64_FORMAT "\n",
	"%s: キャンセルされました。yado task log %" G_GINT64_FORMAT " を参照\n");
MESSAGE(m_task_see_log, "  log: yado task log %" G_GINT64_FORMAT "\n", "  ログ: yado task log %" G_GINT64_FORMAT "\n");
MESSAGE(m_interrupted,
	"\nyado: task %" G_GINT64_FORMAT " goes on; cancel it with yado task cancel %" G_GINT64_FORMAT
	", wait for it with yado task wait %" G_GINT64_FORMAT "\n",
	"\nyado: タスク %" G_GINT64_FORMAT " は続行します。中止は yado task cancel %" G_GINT64_FORMAT
	"、待つには yado task wait %" G_GINT64_FORMAT "\n");
MESSAGE(m_task_still_runs, "yado: task %" G_GINT64_FORMAT " had not ended when the time was over\n",
	"yado: タスク %" G_GINT64_FORMAT " は時間内に終わりませんでした\n");
MESSAGE(m_task_cancel_asked, "task %s was asked to stop\n", "タスク %s に中止を要求しました\n");
MESSAGE(m_task_number, "'%s' is not the number of a task", "'%s' はタスク番号ではありません");
MESSAGE(m_task_number_hint, "see yado task list", "yado task list を参照してください");
MESSAGE(m_task_none, "No tasks.", "タスクはありません。");
MESSAGE(m_task_list_help, "list tasks, newest first", "タスクの一覧（新しい順）");
MESSAGE(m_task_show_help, "show a task", "タスクを表示する");
MESSAGE(m_task_log_help, "print a task's log", "タスクのログを表示する");
MESSAGE(m_task_wait_help, "wait until tasks have ended", "タスクの終了を待つ");
MESSAGE(m_task_cancel_help, "ask tasks to stop", "タスクを中止する");
MESSAGE(m_opt_object, "only tasks of that object, as in vm/100", "その対象のタスクだけ（例: vm/100）");
MESSAGE(m_opt_task_state, "only tasks in that state", "その状態のタスクだけ");
MESSAGE(m_opt_follow, "go on until the task has ended", "タスクが終わるまで表示を続ける");
MESSAGE(m_opt_wait_timeout, "give up after that time", "この時間で待つのをやめる");

/* Guests */
MESSAGE(m_vm_list_help, "list guests", "ゲストの一覧");
MESSAGE(m_vm_show_help, "show a guest: state, addresses, hardware", "ゲストの状態、アドレス、ハードウェアを表示する");
MESSAGE(m_vm_create_help, "make a guest", "ゲストを作成する");
MESSAGE(m_vm_set_help, "change a guest", "ゲストを変更する");
MESSAGE(m_vm_delete_help, "delete stopped guests and their volumes", "停止中のゲストをボリュームごと削除する");
MESSAGE(m_vm_start_help, "start guests", "ゲストを起動する");
MESSAGE(m_vm_shutdown_help, "shut guests down cleanly", "ゲストを正常にシャットダウンする");
MESSAGE(m_vm_stop_help, "turn the power off", "電源を切る");
MESSAGE(m_vm_reset_help, "press the reset button", "リセットする");
MESSAGE(m_vm_reboot_help, "reboot guests cleanly", "ゲストを正常に再起動する");
MESSAGE(m_vm_pause_help, "stop the CPUs, keep the memory", "CPUを止める（メモリは保持）");
MESSAGE(m_vm_setup_help, "enter the firmware's set-up at the next start, once", "次の起動時に一度だけファームウェア設定に入る");
MESSAGE(m_opt_setup_cancel, "take the request back", "要求を取り消す");
MESSAGE(m_vm_setup_asked, "guest %s enters its firmware's set-up at its next start", "ゲスト %s は次の起動時にファームウェア設定に入ります");
MESSAGE(m_vm_setup_cancelled, "guest %s starts as usual", "ゲスト %s は通常どおり起動します");
MESSAGE(m_vm_setup_waits, "The next start enters the firmware's set-up.", "次の起動時にファームウェア設定に入ります。");
MESSAGE(m_vm_upgrade_help, "give a guest this node's newest machine version at its next start",
	"次の起動時からノードの最新のマシンバージョンにする");
MESSAGE(m_opt_upgrade_machine, "another version, as in pc-q35-7.2", "別のバージョン（例: pc-q35-7.2）");
MESSAGE(m_vm_upgraded, "guest %s: machine version %s -> %s", "ゲスト %s: マシンバージョン %s -> %s");
MESSAGE(m_vm_resume_help, "let paused guests run on", "一時停止中のゲストを再開する");
MESSAGE(m_vm_question_help, "what guests that stand still wait for: disks that could not be written or read; of all guests if none is named",
	"停止中のゲストの質問（ディスクの読み書きに失敗したもの）。省略時は全ゲスト");
MESSAGE(m_vm_answer_help, "answer it: 'retry' tries again and lets the guest run on, 'stop' takes its power",
	"質問に回答する。'retry' は再試行して続行、'stop' は電源断");
MESSAGE(m_question_none, "no guest asks anything", "質問はありません");
MESSAGE(m_question_since, "has stood still for %s:\n", "%s前から停止しています:\n");
MESSAGE(m_question_full, "  %s: storage '%s' is full (%s free now): free space there\n", "  %s: ストレージ '%s' の空き容量が不足しています（現在の空き %s）。空きを作ってください\n");
MESSAGE(m_question_failed, "  %s: storage '%s' fails (%s free now): see why\n", "  %s: ストレージ '%s' が失敗しています（空き %s）。原因を確認してください\n");
MESSAGE(m_question_answers, "  yado vm answer %s retry    tries again and lets it run on\n  yado vm answer %s stop     takes its power\n",
	"  yado vm answer %s retry    再試行して続行\n  yado vm answer %s stop     電源断\n");
MESSAGE(m_vm_stats_help, "CPU, memory, disk and network use; all running guests if none is named",
	"CPU、メモリ、ディスク、ネットワークの使用量（省略時は稼働中の全ゲスト）");
MESSAGE(m_vm_exec_help, "run a command in a guest; its exit code becomes this command's",
	"ゲスト内でコマンドを実行する（終了コードはそのまま返る）");
MESSAGE(m_vm_get_file_help, "copy a file out of a guest, '-' to standard output",
	"ゲストのファイルを取り出す（'-' で標準出力へ）");
MESSAGE(m_vm_put_file_help, "copy a file into a guest, '-' from standard input",
	"ゲストにファイルを書き込む（'-' で標準入力から）");
MESSAGE(m_vm_guest_info_help, "what the guest's agent says: system, users, clock",
	"エージェントが報告するOS、ユーザー、時計を表示する");
MESSAGE(m_vm_filesystems_help, "the guest's file systems, how full they are, and their disks",
	"ゲストのファイルシステム、使用量、ディスクを表示する");
MESSAGE(m_vm_set_password_help, "set a user's password in the guest", "ゲスト内のユーザーのパスワードを設定する");
MESSAGE(m_vm_sync_time_help, "set the guest's clock to the node's", "ゲストの時計をノードに合わせる");
MESSAGE(m_vm_freeze_help, "have the guest write out everything and write nothing more, for a bounded time",
	"ゲストのファイルシステムを凍結する（時間制限あり）");
MESSAGE(m_vm_thaw_help, "let a frozen guest write again", "凍結したゲストを解凍する");
MESSAGE(m_vm_trim_help, "have the guest give back what it no longer uses of its disks",
	"使わなくなったディスク領域をゲストに返却させる");
MESSAGE(m_opt_exec_input, "pass standard input on, up to 512 KiB", "標準入力を渡す（512 KiBまで）");
MESSAGE(m_opt_exec_timeout, "end it after that time (3600)", "この時間で終了させる（3600）");
MESSAGE(m_opt_exec_limit, "end it when it has written so much (64M)", "出力がこの量に達したら終了させる（64M）");
MESSAGE(m_opt_exec_leave, "it runs on when this command is interrupted", "このコマンドを中断しても続行させる");
MESSAGE(m_opt_file_mode, "the file's mode, as in 600", "ファイルのモード（例: 600）");
MESSAGE(m_opt_freeze_seconds, "thaw it after that time in any case (60)", "この時間が過ぎたら必ず解凍する（60）");
MESSAGE(m_exec_input_large, "standard input is more than %s", "標準入力が %s を超えています");
MESSAGE(m_exec_input_hint, "put it into the guest with 'yado vm put-file'", "'yado vm put-file' でゲストに書き込んでください");
MESSAGE(m_exec_limit_wrong, "'%s' is no size, as in 64M", "'%s' はサイズではありません（例: 64M）");
MESSAGE(m_exec_timeout, "the command took too long and was ended", "制限時間を超えたため、コマンドを終了させました");
MESSAGE(m_exec_limit, "the command wrote too much and was ended (--output-limit)",
	"出力が上限を超えたため、コマンドを終了させました（--output-limit）");
MESSAGE(m_exec_withdrawn, "the right to this was withdrawn, and the command was ended",
	"権限が取り消されたため、コマンドを終了させました");
MESSAGE(m_exec_stopped, "yadod ends, and so the command was ended", "yadodが終了するため、コマンドを終了させました");
MESSAGE(m_exec_cut, "the output is not complete", "出力の一部が失われました");
MESSAGE(m_exec_lost, "how the command ends is not known: the connection was lost",
	"接続が切れたため、コマンドの結果は不明です");
MESSAGE(m_exec_left, "\nyado: the command runs on in the guest as process %" G_GINT64_FORMAT "; its output is lost\n",
	"\nyado: コマンドはゲスト内でプロセス %" G_GINT64_FORMAT " として続行します（以後の出力は失われます）\n");
MESSAGE(m_exec_interrupted, "\nyado: the command in the guest (process %" G_GINT64_FORMAT ") is being ended\n",
	"\nyado: ゲスト内のコマンド（プロセス %" G_GINT64_FORMAT "）を終了させます\n");
MESSAGE(m_stdout, "standard output", "標準出力");
MESSAGE(m_file_got, "%s is now %s (%s)\n", "%s を %s に保存しました（%s）\n");
MESSAGE(m_file_put, "%s is in the guest (%s)\n", "%s をゲストに書き込みました（%s）\n");
MESSAGE(m_file_not_atomic,
	"  → it was written in place: this guest's agent runs no commands to put it there all at once\n",
	"  → このゲストのエージェントはコマンドを実行できないため、ファイルに直接書き込みました\n");
MESSAGE(m_filesystems_none, "The guest tells of no file systems.", "ファイルシステムは報告されていません。");
MESSAGE(m_guest_password_set, "The password of '%s' in the guest is set.", "ゲスト内の '%s' のパスワードを設定しました。");
MESSAGE(m_time_set, "The guest's clock is set.", "ゲストの時計を合わせました。");
MESSAGE(m_time_set_from, "The guest's clock was %+.3f s off and is now %+.3f s.\n",
	"ゲストの時計のずれ: %+.3f 秒 → %+.3f 秒\n");
MESSAGE(m_frozen_until, ", file systems frozen until %s", "、ファイルシステムは %s まで凍結中");
MESSAGE(m_col_mountpoint, "MOUNTED ON", "マウント先");
MESSAGE(m_col_guest_device, "DEVICE", "デバイス");
MESSAGE(m_col_fs_type, "TYPE", "種類");
MESSAGE(m_col_fs_used, "USED", "使用量");
MESSAGE(m_col_fs_disks, "DISKS", "ディスク");
MESSAGE(m_col_share, "USE", "使用率");
MESSAGE(m_vm_none, "No guests yet. Make one: yado vm create hello --image tiny --start",
	"ゲストはまだありません。作成: yado vm create hello --image tiny --start");
MESSAGE(m_vm_none_match, "No guest matches. All of them: yado vm list", "該当するゲストはありません。全件: yado vm list");
MESSAGE(m_vm_none_running, "No guest is running. Start one: yado vm start ID",
	"稼働中のゲストはありません。起動: yado vm start ID");
MESSAGE(m_opt_state, "only guests in that state", "その状態のゲストだけ");
MESSAGE(m_opt_tag, "only guests with that tag", "そのタグを持つゲストだけ");
MESSAGE(m_opt_filter, "only what these terms keep, as in 'state:running memory>1G -tags:test web'",
	"条件に合うものだけ（例: 'state:running memory>1G -tags:test web'）");
MESSAGE(m_opt_ids_only, "print only ids, one a line", "IDだけを1行ずつ表示する");
MESSAGE(m_opt_start, "start it when it is made", "作成後に起動する");
MESSAGE(m_start_needs_wait, "--start and --no-wait do not go together", "--start と --no-wait は同時に使えません");
MESSAGE(m_start_needs_wait_hint, "leave out --no-wait, or start the guest later", "--no-wait を外すか、後で起動してください");
MESSAGE(m_vm_created, "guest %s has the id %" G_GINT64_FORMAT "; start it with yado vm start %s\n",
	"ゲスト %s (ID %" G_GINT64_FORMAT ") を作成しました。起動: yado vm start %s\n");
MESSAGE(m_vm_created_started, "guest %s has the id %" G_GINT64_FORMAT " and runs; its console: yado console %s\n",
	"ゲスト %s (ID %" G_GINT64_FORMAT ") を作成し起動しました。コンソール: yado console %s\n");
MESSAGE(m_vm_changed, "guest %s is changed", "ゲスト %s を変更しました");
MESSAGE(m_vm_changes_wait, "%u of its changes wait until it is shut down and started again: yado vm show %s\n",
	"%u 件の変更はシャットダウンして起動し直すと有効になります: yado vm show %s\n");
MESSAGE(m_vm_user_data_help, "give cloud-init user-data of one's own, from a file ('-': standard input); kept encrypted",
	"cloud-initに独自のuser-dataをファイルから渡す（'-' は標準入力。暗号化して保管）");
MESSAGE(m_vm_password_help, "set the password of the user that cloud-init makes", "cloud-initが作るユーザーのパスワードを設定する");
MESSAGE(m_vm_answers_help, "give an installer its answers, from a file ('-': standard input); kept encrypted",
	"インストーラーの応答ファイルを渡す（'-' は標準入力。暗号化して保管）");
MESSAGE(m_vm_renew_identity_help, "new UUID, MAC addresses or serial numbers for a stopped guest; without an option those that another guest has as well",
	"停止中のゲストのUUID、MACアドレス、シリアル番号を新しくする（オプションがなければ他のゲストと重複しているもの）");
MESSAGE(m_opt_renew_uuid, "a new UUID", "新しいUUID");
MESSAGE(m_opt_renew_macs, "a new MAC address for each network card", "各ネットワークカードの新しいMACアドレス");
MESSAGE(m_opt_renew_serials, "a new serial number for each disk", "各ディスクの新しいシリアル番号");
MESSAGE(m_vm_identity_renewed, "%s has a new identity", "%s の識別子を新しくしました");
MESSAGE(m_conflicts, "Also another guest's (it is not started until that is mended: yado vm renew-identity)", "他のゲストと重複（yado vm renew-identity で新しくするまで起動できません）");
MESSAGE(m_vm_handed_help, "the files that the guest's next start brings on drives, without secrets",
	"次回起動時にドライブで渡されるファイルを表示する（秘密を除く）");
MESSAGE(m_opt_handed_remove, "take away what was given", "渡したものを取り消す");
MESSAGE(m_opt_answers_kind, "for which installer", "対象のインストーラー");
MESSAGE(m_opt_answers_bus, "how the guest sees the drive; sata if not given", "ドライブの接続方式。省略時は sata");
MESSAGE(m_handed_no_text, "'%s' is not text in UTF-8", "'%s' はUTF-8のテキストではありません");
MESSAGE(m_handed_file_or_remove, "give a file, or --remove", "ファイルか --remove のどちらかを指定してください");
MESSAGE(m_answers_need_kind, "--kind says which installer reads the answers", "どのインストーラー用か --kind で指定してください");
MESSAGE(m_handed_none, "no drive is made for this guest", "このゲストに渡すドライブはありません");
MESSAGE(m_handed_uploaded, "as it was uploaded, SHA-256 %s\n", "アップロードされたまま（SHA-256 %s）\n");
MESSAGE(m_nothing_to_set, "no field to change was given", "変更するフィールドがありません");
MESSAGE(m_nothing_to_set_hint, "for example --memory 2G; all fields: --help", "例: --memory 2G。全フィールド: --help");
MESSAGE(m_vm_confirm_delete, "Delete guest %s (%" G_GINT64_FORMAT ") and its %d disk(s) for good?",
	"ゲスト %s (%" G_GINT64_FORMAT ") とディスク %d 個を完全に削除しますか?");
MESSAGE(m_opt_shutdown_timeout, "how long it may take, instead of the guest's own setting", "制限時間（ゲストの設定の代わり）");
MESSAGE(m_opt_shutdown_action, "what follows after that time: 'stop' turns the power off", "時間切れ後の動作。'stop' は電源断");
MESSAGE(m_opt_watch, "go on, every two seconds", "2秒ごとに表示を続ける");
MESSAGE(m_opt_span, "least, mean, greatest and last value over that time, with a graph", "その期間の最小、平均、最大、最新の値とグラフ");
MESSAGE(m_stats_span_one, "--span is of one guest: name it, without --watch", "--span は1台のゲストについて表示します。ゲストを1つ指定し、--watch は外してください");
MESSAGE(m_stats_span_watch, "--span shows what was; leave out --watch", "--span は過去の値を表示します。--watch は外してください");
MESSAGE(m_stats_json_one, "-o json gives the counters of one guest: name it, without --watch",
	"-o json は1台のゲストのカウンターを出します。ゲストを1つ指定し、--watch は外してください");
MESSAGE(m_since, " since %s (%s)", " %s から (%s)");
MESSAGE(m_cpu_line,
	"%" G_GINT64_FORMAT " (sockets %" G_GINT64_FORMAT ", cores %" G_GINT64_FORMAT ", threads %" G_GINT64_FORMAT
	"), model %s",
	"%" G_GINT64_FORMAT " (ソケット %" G_GINT64_FORMAT "、コア %" G_GINT64_FORMAT "、スレッド %" G_GINT64_FORMAT
	")、モデル %s");
MESSAGE(m_addresses, "addresses", "アドレス");
MESSAGE(m_agent, "agent", "エージェント");
MESSAGE(m_cpu, "CPUs", "CPU");
MESSAGE(m_memory, "memory", "メモリ");
MESSAGE(m_memory_in_guest, "used inside", "ゲスト内の使用量");
MESSAGE(m_memory_taken_back, "taken back", "回収中");
MESSAGE(m_answers, "answers", "応答ファイル");
MESSAGE(m_guestinfo, "Guest info", "ゲスト情報");
MESSAGE(m_acceleration, "acceleration", "アクセラレーション");
MESSAGE(m_image, "image", "イメージ");
MESSAGE(m_os, "system", "OS");
MESSAGE(m_kernel, "kernel of", "カーネル");
MESSAGE(m_machine, "machine", "マシン");
MESSAGE(m_firmware, "firmware", "ファームウェア");
MESSAGE(m_display, "display", "ディスプレイ");
MESSAGE(m_boot, "boot order", "起動順");
MESSAGE(m_autostart, "start at boot", "自動起動");
MESSAGE(m_restart, "restart", "異常時の再起動");
MESSAGE(m_console_writer, "console used by", "コンソール使用者");
MESSAGE(m_process, "process", "プロセス");
MESSAGE(m_node, "node", "ノード");
MESSAGE(m_tags, "tags", "タグ");
MESSAGE(m_description, "description", "説明");
MESSAGE(m_disks, "Disks", "ディスク");
MESSAGE(m_cdroms, "CD drives", "CDドライブ");
MESSAGE(m_nics, "Network cards", "ネットワークカード");
MESSAGE(m_usb, "USB devices", "USBデバイス");
MESSAGE(m_pci, "PCI devices of the host", "ホストのPCIデバイス");
MESSAGE(m_shares, "Shared directories", "共有ディレクトリ");
MESSAGE(m_pending, "Waiting for a restart", "再起動待ちの変更");

/* Consoles */
MESSAGE(m_console_help, "a guest's serial console; Ctrl-] then q leaves", "シリアルコンソール（Ctrl-] の後 q で終了）");
MESSAGE(m_vnc_help, "a local port or socket for a VNC viewer", "VNCビューアー用のローカルポートまたはソケット");
MESSAGE(m_opt_port, "which serial port, from 1 (1 if not given)", "シリアルポートの番号（1から。省略時 1）");
MESSAGE(m_opt_read_only, "look, do not type", "見るだけで入力しない");
MESSAGE(m_opt_take_over, "take the keyboard from who has it", "使用中の人から操作を引き継ぐ");
MESSAGE(m_opt_escape, "the escape key: ^A to ^_, one character, or 'none' (^] if not given)",
	"エスケープキー: ^A〜^_、1文字、または 'none'（省略時 ^]）");
MESSAGE(m_opt_linger, "when input is not a terminal: go on reading that long after its end (2 if not given)",
	"入力が端末でない場合、入力の終わりの後に読み続ける秒数（省略時 2）");
MESSAGE(m_escape_wrong, "--escape is not a key", "--escape の値はキーではありません");
MESSAGE(m_escape_hint, "write it as ^] or as one character", "^] のように、または1文字で書いてください");
MESSAGE(m_no_descriptor, "the daemon sent no descriptor for the console", "デーモンからコンソールの記述子が届きませんでした");
MESSAGE(m_take_over_hint, "look with --read-only, or take it with --take-over",
	"--read-only で見るか、--take-over で引き継いでください");
MESSAGE(m_confirm_take_over, "%s. Take over?", "%s。引き継ぎますか?");
MESSAGE(m_taken_over, "taken over: you can type now", "引き継ぎました。入力できます");
MESSAGE(m_console_keys, "q or . leave, t take over, the escape key again: send it, ? this list",
	"q または . 終了、t 引き継ぐ、エスケープキー: そのまま送る、? この一覧");
MESSAGE(m_console_welcome, "Console of %s. %s then q leaves, then ? lists keys.\n",
	"%s のコンソール。%s の後 q で終了、? でキー一覧。\n");
MESSAGE(m_console_welcome_bare, "Console of %s. No escape key%.0s; end it by closing the terminal.\n",
	"%s のコンソール。エスケープキーなし%.0s。端末を閉じると終了します。\n");
MESSAGE(m_console_closed, "yado: the console was closed by the other side", "yado: コンソールは相手側で閉じられました");
MESSAGE(m_console_left, "yado: left the console; the guest runs on", "yado: コンソールを離れました。ゲストは動き続けます");
MESSAGE(m_opt_listen, "where to listen: a port of 127.0.0.1 or a path (else the first free port from 5900)",
	"待ち受ける127.0.0.1のポートまたはパス（省略時は5900以降の空きポート）");
MESSAGE(m_opt_once, "end when the first viewer has left", "最初のビューアーが切れたら終了する");
MESSAGE(m_path_too_long, "'%s' is too long for a socket", "'%s' はソケットのパスとして長すぎます");
MESSAGE(m_cannot_listen, "cannot listen on %s", "%s で待ち受けできません");
MESSAGE(m_vnc_port, "Open it with: vncviewer 127.0.0.1::%u   (Ctrl-C ends)\n",
	"接続: vncviewer 127.0.0.1::%u   （Ctrl-Cで終了）\n");
MESSAGE(m_vnc_unix, "Open it with: vncviewer %s   (Ctrl-C ends)\n", "接続: vncviewer %s   （Ctrl-Cで終了）\n");

/* Images, storages, nodes, history */
MESSAGE(m_image_list_help, "list images", "イメージの一覧");
MESSAGE(m_image_show_help, "show an image", "イメージを表示する");
MESSAGE(m_image_build_help, "make an image from a recipe, such as tiny or debian-12; with --suite or --recipe the word is its name",
	"レシピ（tiny、debian-12など）からイメージを作る。--suite か --recipe があれば、語はイメージ名");
MESSAGE(m_preset_list_help, "list the operating systems that there are presets for", "プリセットのあるOSの一覧");
MESSAGE(m_preset_show_help, "show what a preset decides, and why", "プリセットが決める値とその理由");
MESSAGE(m_preset_none, "No presets.", "プリセットはありません。");
MESSAGE(m_preset_with_drivers, "With a disk of drivers in the library (its os, or the beginning of its name), and a system yet to be installed:",
	"ライブラリにドライバーディスクがあり（os または名前の先頭が一致）、これからインストールする場合:");
MESSAGE(m_col_os, "OPERATING SYSTEM", "OS");
MESSAGE(m_col_group, "GROUP", "分類");
MESSAGE(m_recipes_help, "list what images can be built from", "イメージのレシピの一覧");
MESSAGE(m_recipes_heading, "Recipes of this node:", "このノードのレシピ:");
MESSAGE(m_recipes_none, "This node has no recipes.", "このノードにレシピはありません。");
MESSAGE(m_col_needs, "NEEDS", "必須");
MESSAGE(m_col_takes, "TAKES", "指定可");
MESSAGE(m_name_twice, "the image has two names: '%s' and --name '%s'", "イメージ名が2つあります: '%s' と --name '%s'");
MESSAGE(m_image_import_help, "take in a disk image or an ISO file", "ディスクイメージやISOファイルを取り込む");
MESSAGE(m_image_set_help, "change what is said about an image: its operating system, its description", "イメージのOSや説明を変更する");
MESSAGE(m_image_delete_help, "delete images", "イメージを削除する");
MESSAGE(m_image_none, "No images yet. Make one: yado image build tiny", "イメージはまだありません。作成: yado image build tiny");
MESSAGE(m_cannot_open, "cannot open '%s'", "'%s' を開けません");
MESSAGE(m_not_regular, "'%s' is not a regular file", "'%s' は通常のファイルではありません");
MESSAGE(m_not_regular_hint, "save it to a file first", "先にファイルに保存してください");
MESSAGE(m_storage_list_help, "list storages", "ストレージの一覧");
MESSAGE(m_storage_show_help, "show a storage", "ストレージを表示する");
MESSAGE(m_storage_volumes_help, "list the volumes on a storage", "ストレージ上のボリュームの一覧");
MESSAGE(m_storage_create_help, "add a storage", "ストレージを追加する");
MESSAGE(m_storage_set_help, "change a storage", "ストレージを変更する");
MESSAGE(m_storage_delete_help, "take an empty storage out of Yado; its directory stays",
	"空のストレージを登録から外す（ディレクトリは残る）");
MESSAGE(m_storage_none, "No storages. Add one: yado storage create NAME --path DIRECTORY",
	"ストレージはありません。追加: yado storage create NAME --path ディレクトリ");
MESSAGE(m_volume_none, "No volumes. They come with a guest's disks: yado vm create NAME --disk size=8G",
	"ボリュームはありません。ゲストのディスクと共に作られます: yado vm create NAME --disk size=8G");
MESSAGE(m_storage_deleted, "storage %s is taken out", "ストレージ %s を外しました");
MESSAGE(m_storage_confirm_delete, "Take storage %s out of Yado?", "ストレージ %s を登録から外しますか?");
MESSAGE(m_storage_delete_volume_help, "delete a detached volume", "どのゲストにも接続されていないボリュームを削除する");
MESSAGE(m_volume_confirm_delete, "Delete volume %s and all that is on it?", "ボリューム %s を内容ごと削除しますか?");
MESSAGE(m_mapping_list_help, "list mappings", "マッピングの一覧");
MESSAGE(m_mapping_show_help, "show a mapping, and which guests name it", "マッピングと使用中のゲストを表示する");
MESSAGE(m_mapping_create_help, "name a device or directory of the host, so that guests can be given it",
	"ホストのデバイスやディレクトリに名前を付け、ゲストに渡せるようにする");
MESSAGE(m_mapping_set_help, "change a mapping; guests that run keep what they have", "マッピングを変更する（稼働中のゲストは次の起動から）");
MESSAGE(m_mapping_delete_help, "forget mappings that no guest uses", "使われていないマッピングを削除する");
MESSAGE(m_mapping_none, "No mappings. Make one: yado mapping create NAME --kind directory --path DIRECTORY",
	"マッピングはありません。作成: yado mapping create NAME --kind directory --path ディレクトリ");
MESSAGE(m_opt_prefix, "only what is below it, as in vm/100", "その下だけ（例: vm/100）");
MESSAGE(m_label_name, "name", "名前");
MESSAGE(m_label_kind, "kind", "種類");
MESSAGE(m_label_path, "path", "パス");
MESSAGE(m_label_total, "total", "全容量");
MESSAGE(m_label_free, "free", "空き");
MESSAGE(m_label_usable, "usable", "使用可");
MESSAGE(m_label_problem, "problem", "問題");
MESSAGE(m_node_list_help, "list nodes", "ノードの一覧");
MESSAGE(m_node_show_help, "show a node: versions, acceleration and why; this one if none is named",
	"ノードのバージョンやアクセラレーションを表示する（省略時はこのノード）");
MESSAGE(m_node_devices_help, "list the PCI and USB devices of a node; this one if none is named",
	"ノードのPCIデバイスとUSBデバイスの一覧。省略時はこのノード");
MESSAGE(m_device_none, "No PCI or USB devices.", "PCIデバイスもUSBデバイスもありません。");
MESSAGE(m_node_memory_help, "how guests share a node's memory (balloons, KSM, huge pages): show it, or with flags change it",
	"ゲスト間のメモリの分け方（バルーン、KSM、ヒュージページ）を表示する。フラグで変更する");
MESSAGE(m_node_memory_changed, "the memory setting of the node is changed", "ノードのメモリ設定を変更しました");
MESSAGE(m_node_stats_help, "CPU, load, memory, disk and network use of a node; this one if none is named",
	"ノードのCPU、負荷、メモリ、ディスク、ネットワークの使用量（省略時はこのノード）");
MESSAGE(m_node_shutdown_guests_help, "shut down all guests of a node, the last to start first; this one if none is named",
	"ノードの全ゲストを起動と逆の順にシャットダウンする（省略時はこのノード）");
MESSAGE(m_opt_shutdown_guests_timeout, "how long a guest may take at most; less if its own setting is less",
	"各ゲストの制限時間の上限（ゲストの設定の方が短ければそちら）");
MESSAGE(m_node_cpu_features_help, "CPU features and models that a node offers to guests; with -o json, for 'yado node baseline'",
	"ノードがゲストに提供できるCPU機能とモデル（-o json の出力は 'yado node baseline' 用）");
MESSAGE(m_node_baseline_help, "the CPU model that several nodes have in common, from files that 'yado -o json node cpu-features' wrote on each",
	"複数ノードに共通するCPUモデル（各ノードで 'yado -o json node cpu-features' が出力したファイルから求める）");
MESSAGE(m_baseline_model, "CPU model", "CPUモデル");
MESSAGE(m_baseline_flags, "beyond it", "追加できる機能");
MESSAGE(m_baseline_unused, "unused on %s", "%s で未使用");
MESSAGE(m_baseline_use, "For guests that are to run on each of them: yado vm set VM --cpu-model %s%s%s\n",
	"どのノードでも動かすゲストには: yado vm set VM --cpu-model %s%s%s\n");
MESSAGE(m_baseline_bad_file, "'%s' is not what 'yado -o json node cpu-features' writes", "'%s' は 'yado -o json node cpu-features' の出力ではありません");
MESSAGE(m_baseline_twice, "'%s' is of node '%s' as well", "'%s' も同じノード '%s' のものです");
MESSAGE(m_node_none, "No nodes.", "ノードはありません。");
MESSAGE(m_history_list_help, "list changes, newest first; PREFIX as in vm/100", "変更の一覧（新しい順）。PREFIXの例: vm/100");
MESSAGE(m_history_show_help, "show all that one revision changed; with OBJECT (vm/100), that document as it was then",
	"1つのリビジョンの変更をすべて表示する。OBJECT（vm/100）を付けると当時の文書");
MESSAGE(m_history_diff_help, "what a revision changed, or what changed between two", "リビジョンの変更、または2つの間の違い");
MESSAGE(m_history_restore_help, "bring the configuration back to what it was after a revision",
	"設定をあるリビジョンの直後の状態に戻す");
MESSAGE(m_history_none, "Nothing was changed yet.", "変更はまだありません。");
MESSAGE(m_history_same, "There is no difference.", "違いはありません。");
MESSAGE(m_history_heading, "%srevision %" G_GINT64_FORMAT "%s  %s  %s  %s",
	"%sリビジョン %" G_GINT64_FORMAT "%s  %s  %s  %s");
MESSAGE(m_history_task, "  task %" G_GINT64_FORMAT, "  タスク %" G_GINT64_FORMAT);
MESSAGE(m_history_confirm, "Do it?", "実行しますか?");
MESSAGE(m_history_restored, "the configuration is as it was after revision %" G_GINT64_FORMAT,
	"設定をリビジョン %" G_GINT64_FORMAT " の直後に戻しました");
MESSAGE(m_revision_wrong, "'%s' is not a revision", "'%s' はリビジョンではありません");
MESSAGE(m_revision_hint, "see yado history list", "yado history list を参照してください");
MESSAGE(m_opt_limit, "how many (30 if not given)", "件数（省略時 30）");
MESSAGE(m_opt_facts, "also what a restore never touches: volumes, ids, states",
	"復元の対象でないもの（ボリューム、ID、状態）も");
MESSAGE(m_opt_before, "only older ones", "これより古いものだけ");

/* Headings of columns */
MESSAGE(m_col_full_name, "FULL NAME", "表示名");
MESSAGE(m_col_enabled, "ENABLED", "有効");
MESSAGE(m_col_builtin, "BUILT-IN", "組み込み");
MESSAGE(m_col_privileges, "PRIVILEGES", "権限");
MESSAGE(m_col_privilege, "PRIVILEGE", "権限");
MESSAGE(m_col_meaning, "MEANING", "意味");
MESSAGE(m_col_expires, "EXPIRES", "有効期限");
MESSAGE(m_col_last_used, "LAST USED", "最終使用");
MESSAGE(m_col_address, "ADDRESS", "接続元");
MESSAGE(m_col_agent, "PROGRAM", "クライアント");
MESSAGE(m_col_seq, "SEQ", "番号");
MESSAGE(m_col_action, "ACTION", "操作");
MESSAGE(m_col_outcome, "OUTCOME", "結果");
MESSAGE(m_col_message, "MESSAGE", "メッセージ");
MESSAGE(m_col_repeated, "REPEATED", "繰り返し");
MESSAGE(m_col_url, "URL", "URL");
MESSAGE(m_col_current, "CURRENT", "使用中");
MESSAGE(m_col_fingerprint, "FINGERPRINT", "証明書");
MESSAGE(m_col_id, "ID", "ID");
MESSAGE(m_col_name, "NAME", "名前");
MESSAGE(m_col_state, "STATE", "状態");
MESSAGE(m_col_reason, "REASON", "理由");
MESSAGE(m_col_cpus, "CPUS", "CPU数");
MESSAGE(m_col_cpu, "CPU", "CPU");
MESSAGE(m_col_memory, "MEMORY", "メモリ");
MESSAGE(m_col_inside, "IN GUEST", "ゲスト内");
MESSAGE(m_col_limit, "LIMIT", "上限");
MESSAGE(m_col_age, "FOR", "経過");
MESSAGE(m_col_since, "SINCE", "開始");
MESSAGE(m_col_attached, "ATTACHED", "接続");
MESSAGE(m_col_uptime, "UPTIME", "稼働時間");
MESSAGE(m_col_node, "NODE", "ノード");
MESSAGE(m_col_tags, "TAGS", "タグ");
MESSAGE(m_col_pending, "PENDING", "変更待ち");
MESSAGE(m_col_rev, "REV", "リビジョン");
MESSAGE(m_col_series, "SERIES", "系列");
MESSAGE(m_col_min, "MIN", "最小");
MESSAGE(m_col_average, "AVG", "平均");
MESSAGE(m_col_max, "MAX", "最大");
MESSAGE(m_col_now, "NOW", "現在");
MESSAGE(m_col_graph, "GRAPH", "グラフ");
MESSAGE(m_col_load, "LOAD", "負荷");
MESSAGE(m_col_read, "READ", "読み込み");
MESSAGE(m_col_write, "WRITE", "書き込み");
MESSAGE(m_col_iops, "IOPS", "IOPS");
MESSAGE(m_col_receive, "RECEIVE", "受信");
MESSAGE(m_col_send, "SEND", "送信");
MESSAGE(m_col_kind, "KIND", "種類");
MESSAGE(m_col_size, "SIZE", "サイズ");
MESSAGE(m_col_created, "CREATED", "作成日時");
MESSAGE(m_col_description, "DESCRIPTION", "説明");
MESSAGE(m_col_path, "PATH", "パス");
MESSAGE(m_col_free, "FREE", "空き");
MESSAGE(m_col_total, "TOTAL", "全容量");
MESSAGE(m_col_device, "DEVICE", "デバイス");
MESSAGE(m_col_device_id, "VENDOR:DEVICE", "ベンダー:デバイス");
MESSAGE(m_col_pci_address, "ADDRESS", "アドレス");
MESSAGE(m_col_bus, "BUS", "接続");
MESSAGE(m_col_class, "CLASS", "種類");
MESSAGE(m_col_title, "TITLE", "名称");
MESSAGE(m_col_driver, "DRIVER", "ドライバー");
MESSAGE(m_col_iommu_group, "GROUP", "グループ");
MESSAGE(m_col_mappings, "MAPPINGS", "マッピング");
MESSAGE(m_col_usable, "USABLE", "使用可");
MESSAGE(m_col_problem, "PROBLEM", "問題");
MESSAGE(m_col_vm, "VM", "VM");
MESSAGE(m_col_format, "FORMAT", "形式");
MESSAGE(m_col_role, "ROLE", "用途");
MESSAGE(m_col_version, "VERSION", "バージョン");
MESSAGE(m_col_qemu, "QEMU", "QEMU");
MESSAGE(m_col_acceleration, "ACCELERATION", "アクセラレーション");
MESSAGE(m_col_running, "RUNNING", "稼働中");
MESSAGE(m_col_object, "OBJECT", "対象");
MESSAGE(m_col_user, "USER", "ユーザー");
MESSAGE(m_col_step, "STEP", "処理");
MESSAGE(m_col_at, "AT", "日時");
MESSAGE(m_col_author, "AUTHOR", "変更者");
MESSAGE(m_col_task, "TASK", "タスク");
MESSAGE(m_col_changes, "CHANGES", "変更");

/* The doctor and the support bundle */
MESSAGE(m_doctor_help, "look what is wrong or missing on a host, what that costs, and how to get it",
	"ホストの問題や不足を調べ、影響と対処を示す");
MESSAGE(m_bundle_help, "collect what a report of a fault needs, without secrets, into a file",
	"不具合報告に必要な情報を（秘密を除いて）ファイルに集める");
MESSAGE(m_opt_only, "only these checks", "このチェックのみ");
MESSAGE(m_opt_doctor_node, "node to look at (default: the one that answers)", "調べるノード（省略時は応答したノード）");
MESSAGE(m_state_ok, "ok", "正常");
MESSAGE(m_state_note, "note", "参考");
MESSAGE(m_state_unknown, "unknown", "不明");
MESSAGE(m_state_warning, "warning", "警告");
MESSAGE(m_state_problem, "problem", "問題");
MESSAGE(m_doctor_cost, "cost", "影響");
MESSAGE(m_doctor_remedy, "do", "対処");
MESSAGE(m_doctor_summary, "%d ok, %d notes, %d unknown, %d warnings, %d problems",
	"正常 %d、参考 %d、不明 %d、警告 %d、問題 %d");
MESSAGE(m_doctor_local, "yadod does not answer on '%s': looking without it",
	"yadod が '%s' で応答しないため、yadodなしで調べます");
MESSAGE(m_doctor_not_here, "on the host itself the package yado has it", "ホスト上のパッケージ yado に含まれます");
MESSAGE(m_doctor_needs_root, "run the command as root", "rootとして実行してください");
MESSAGE(m_doctor_not_root, "only root sees enough of the host", "ホストを調べられるのはrootだけです");
MESSAGE(m_doctor_failed, "yado-doctor came to no end", "yado-doctor が正しく終わりませんでした");
MESSAGE(m_doctor_unknown_check, "there is no check '%s'", "'%s' というチェックはありません");
MESSAGE(m_bundle_made, "support bundle: '%s' (%s). Look at README in it before you give it to somebody: it has names and addresses of this host.\n",
	"不具合報告用ファイル: '%s'（%s）。ホストの名前やアドレスを含むため、渡す前に中の README を確認してください。\n");
