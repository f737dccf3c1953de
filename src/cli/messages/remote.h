/* Of 'yado remote', and of connections to other hosts. */
#pragma once
#include "cli/text.h"

MESSAGE(m_remotes_open, "'%s' has secrets and can be read by others, or is not yours",
	"'%s' は秘密を含むのに、他のユーザーが読めるか、あなたのものではありません");
MESSAGE(m_remotes_open_hint, "revoke the tokens in it if others may have read them; then make it yours alone: "
			     "chmod 600, chown",
	"読まれた恐れがあればトークンを失効させ、chmod 600 と chown で自分専用にしてください");
MESSAGE(m_remote_unknown, "there is no remote '%s'", "'%s' というリモートはありません");
MESSAGE(m_remote_unknown_hint, "see 'yado remote list', or add it: yado remote add NAME https://HOST:8006",
	"'yado remote list' を見るか、追加してください: yado remote add NAME https://ホスト:8006");
MESSAGE(m_token_missing, "no token was given for '%s'", "'%s' 用のトークンがありません");
MESSAGE(m_token_missing_hint,
	"give it with --token-file or $YADO_TOKEN, or save it: yado remote add; there it is made with: "
	"yado token create NAME",
	"--token-file か $YADO_TOKEN で渡すか、yado remote add で保存してください。作成は向こうで: yado token create NAME");
MESSAGE(m_certificate_unknown, "The certificate of %s is not known (%s).\n  SHA-256 %s\n",
	"%s の証明書は未知のものです（%s）。\n  SHA-256 %s\n");
MESSAGE(m_certificate_confirm, "Is that the fingerprint that quickstart or the log of yado-httpd shows there? Trust it "
			       "from now on?",
	"そのホストの quickstart か yado-httpd のログが示す値と同じですか? 今後これを信頼しますか?");
MESSAGE(m_certificate_declined, "the certificate was not taken, nothing was sent", "証明書を受け入れず、何も送りませんでした");
MESSAGE(m_certificate_untrusted, "the certificate of '%s' is not known; its SHA-256 is %s",
	"'%s' の証明書は未知のものです。SHA-256 は %s");
MESSAGE(m_certificate_hint, "compare it with that on the host, then give it with --fingerprint, or save it: "
			    "yado remote add",
	"ホスト側の値と比べ、--fingerprint で渡すか、yado remote add で保存してください");
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

MESSAGE(m_col_url, "URL", "URL");
MESSAGE(m_col_current, "CURRENT", "使用中");
MESSAGE(m_col_fingerprint, "FINGERPRINT", "証明書");
