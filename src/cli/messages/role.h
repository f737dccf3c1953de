/* Of 'yado role'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_role_list_help, "list roles", "ロールの一覧");
MESSAGE(m_role_show_help, "show a role", "ロールを表示する");
MESSAGE(m_role_create_help, "make a role", "ロールを作成する");
MESSAGE(m_role_set_help, "change a role", "ロールを変更する");
MESSAGE(m_role_delete_help, "delete roles that nobody has", "誰にも付与されていないロールを削除する");
MESSAGE(m_role_privileges_help, "list what a role can allow", "ロールが許可できる操作の一覧");
MESSAGE(m_role_none, "No roles.", "ロールはありません。");

MESSAGE(m_col_builtin, "BUILT-IN", "組み込み");
MESSAGE(m_col_privileges, "PRIVILEGES", "権限");
MESSAGE(m_col_privilege, "PRIVILEGE", "権限");
MESSAGE(m_col_meaning, "MEANING", "意味");
