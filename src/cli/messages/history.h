/* Of 'yado history' and 'yado events'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_made, "made", "作成");
MESSAGE(m_deleted, "deleted", "削除");
MESSAGE(m_event_deleted, "  deleted", "  削除");
MESSAGE(m_event_changed, "  changed", "  変更");
MESSAGE(m_event_missed, "some changes are not shown: there were too many, or your rights have changed",
	"一部の変更は表示されません（変更が多すぎるか、権限が変更されました）");

MESSAGE(m_opt_prefix, "only what is below it, as in vm/100", "その下だけ（例: vm/100）");
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
MESSAGE(m_opt_facts, "also what a restore never touches: volumes, ids, states",
	"復元の対象でないもの（ボリューム、ID、状態）も");
MESSAGE(m_opt_before, "only older ones", "これより古いものだけ");

MESSAGE(m_col_author, "AUTHOR", "変更者");
MESSAGE(m_col_task, "TASK", "タスク");
MESSAGE(m_col_changes, "CHANGES", "変更");
