/* Of 'yado token' and 'yado session'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_token_list_help, "list tokens", "トークンの一覧");
MESSAGE(m_token_create_help, "make a token and print its secret, this once", "トークンを作成し、秘密を一度だけ表示する");
MESSAGE(m_token_delete_help, "delete tokens: they end at once", "トークンを削除する（即時に無効）");
MESSAGE(m_token_none, "No tokens. Make one: yado token create NAME", "トークンはありません。作成: yado token create NAME");
MESSAGE(m_token_made, "token %s (%s) is made; its secret is shown only now:\n",
	"トークン %s (%s) を作成しました。秘密は今だけ表示されます:\n");
MESSAGE(m_session_list_help, "list sessions", "セッションの一覧");
MESSAGE(m_session_revoke_help, "end sessions", "セッションを終了させる");
MESSAGE(m_session_none, "Nobody is signed in.", "ログイン中のセッションはありません。");

MESSAGE(m_col_expires, "EXPIRES", "有効期限");
MESSAGE(m_col_last_used, "LAST USED", "最終使用");
MESSAGE(m_col_agent, "PROGRAM", "クライアント");
