/* Of the manual pages. */
#pragma once
#include "cli/text.h"

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
	"yado speaks to the daemon yadod of this host over its local socket, for which it has to run as root, or to "
	"that of another host over HTTPS, with a token.\n"
	"A guest is named by its id or its name. Every change can be asked for with --plan: the answer is what would "
	"change, when it takes effect, and what would be refused.",
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
