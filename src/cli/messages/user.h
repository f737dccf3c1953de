/* Of 'yado user'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_user_list_help, "list users", "ユーザーの一覧");
MESSAGE(m_user_show_help, "show a user and what is granted to it", "ユーザーと付与された権限を表示する");
MESSAGE(m_user_create_help, "make a user; asks for its password", "ユーザーを作成する（パスワードを尋ねる）");
MESSAGE(m_user_set_help, "change a user", "ユーザーを変更する");
MESSAGE(m_user_delete_help, "delete users with their tokens and sessions", "ユーザーをトークン、セッションごと削除する");
MESSAGE(m_user_password_help, "set a password; on another host one's own if no user is named",
	"パスワードを設定する（リモートで省略時は自分）");
MESSAGE(m_user_none, "No users. Make one: yado user create NAME --grant path=/,role=admin",
	"ユーザーはいません。作成: yado user create NAME --grant path=/,role=admin");
MESSAGE(m_opt_no_password, "without one: such a user has only tokens", "パスワードなし（トークンのみで利用）");
MESSAGE(m_opt_current_file, "on another host: file with one's own present password", "リモートの場合、自分の現在のパスワードのファイル");
MESSAGE(m_ask_current_password, "Your present password: ", "あなたの現在のパスワード: ");
MESSAGE(m_password_set, "the password of %s is set\n", "%s のパスワードを設定しました\n");
MESSAGE(m_user_without_password, "  user %s is made, but has no password yet: yado user password %s\n",
	"  ユーザー %s は作成されましたが、パスワードは未設定です: yado user password %s\n");

MESSAGE(m_col_full_name, "FULL NAME", "表示名");
MESSAGE(m_col_enabled, "ENABLED", "有効");
