/* What several groups of commands say. */
#pragma once
#include "cli/text.h"

MESSAGE(m_missing_word, "'%s' needs an argument: %s", "'%s' には引数が必要です: %s");

MESSAGE(m_object_made, "%s %s is made", "%s %s を作成しました");
MESSAGE(m_object_changed, "%s %s is changed", "%s %s を変更しました");
MESSAGE(m_object_deleted, "%s %s is deleted", "%s %s を削除しました");
MESSAGE(m_object_confirm_delete, "Delete %s %s for good?", "%s %s を完全に削除しますか?");
MESSAGE(m_unauthorized_hint, "the token is wrong, has ended or was deleted: make another there (yado token create), "
			     "then give it with --token-file or save it with yado remote add",
	"トークンが誤りか、失効または削除されています。向こうで作り直し（yado token create）、--token-file か yado remote add で渡してください");
MESSAGE(m_forbidden_hint, "'yado whoami' shows what is granted; who manages access can grant more: yado user set NAME "
			  "--grant path=…,role=…",
	"'yado whoami' で付与された権限を確認できます。追加は管理者が: yado user set NAME --grant path=…,role=…");
MESSAGE(m_too_many_hint, "wait a little, then try again", "少し待ってからやり直してください");

MESSAGE(m_yes, "yes", "はい");
MESSAGE(m_no, "no", "いいえ");

MESSAGE(m_task_goes_on, "task %" G_GINT64_FORMAT " (yado task wait %" G_GINT64_FORMAT ")\n",
	"タスク %" G_GINT64_FORMAT " (yado task wait %" G_GINT64_FORMAT ")\n");

MESSAGE(m_opt_filter, "only what these terms keep, as in 'state:running memory>1G -tags:test web'",
	"条件に合うものだけ（例: 'state:running memory>1G -tags:test web'）");
MESSAGE(m_opt_ids_only, "print only ids, one a line", "IDだけを1行ずつ表示する");
MESSAGE(m_nothing_to_set, "no field to change was given", "変更するフィールドがありません");
MESSAGE(m_nothing_to_set_hint, "for example --memory 2G; all fields: --help", "例: --memory 2G。全フィールド: --help");
MESSAGE(m_node, "node", "ノード");
MESSAGE(m_description, "description", "説明");

MESSAGE(m_opt_limit, "how many (30 if not given)", "件数（省略時 30）");
