/* Of the command line itself: arguments, help, global options. */
#pragma once
#include "cli/text.h"

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
MESSAGE(m_extra_word, "'%s' is one argument too many for '%s'", "'%s' は '%s' の余分な引数です");
MESSAGE(m_unknown_column, "there is no column '%s'; there are %s", "'%s' という列はありません。使えるのは %s です");
MESSAGE(m_unknown_shell, "there is no completion for '%s', only for bash", "'%s' の補完はありません（bashのみ）");

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
MESSAGE(m_group_remote, "other hosts by name, with token and certificate", "リモートホストの登録（トークン、証明書）");

MESSAGE(m_group_user, "who may sign in, and what is granted to them", "ユーザーと権限付与");
MESSAGE(m_group_preset, "recommended hardware for each operating system", "OSごとの推奨ハードウェア");
MESSAGE(m_group_role, "sets of privileges", "権限のまとまり（ロール）");
MESSAGE(m_group_token, "tokens for programs and remote commands", "プログラムとリモートコマンド用のトークン");
MESSAGE(m_group_session, "who is signed in", "ログイン中のセッション");
MESSAGE(m_group_audit, "who asked for what, and how it went", "監査ログ");
MESSAGE(m_group_access, "rules for passwords and sessions", "パスワードとセッションの規則");
MESSAGE(m_whoami_help, "who one is here, and by which credential", "自分が誰として接続しているか");

MESSAGE(m_doctor_help, "look what is wrong or missing on a host, what that costs, and how to get it",
	"ホストの問題や不足を調べ、影響と対処を示す");
MESSAGE(m_bundle_help, "collect what a report of a fault needs, without secrets, into a file",
	"不具合報告に必要な情報を（秘密を除いて）ファイルに集める");
