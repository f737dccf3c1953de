/* Of plans, and of tasks: their progress and 'yado task'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_plan_heading, "Plan on revision %" G_GINT64_FORMAT ":\n", "リビジョン %" G_GINT64_FORMAT " に対する計画:\n");
MESSAGE(m_plan_heading_new, "Plan:\n", "計画:\n");
MESSAGE(m_plan_now, "now", "即時");
MESSAGE(m_plan_restart, "at restart", "再起動時");
MESSAGE(m_plan_chosen, "chosen by the preset of the operating system:", "OSのプリセットによる選択:");
MESSAGE(m_plan_nothing, "nothing would change", "変更はありません");
MESSAGE(m_plan_refused, "refused:", "拒否:");
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

MESSAGE(m_col_step, "STEP", "処理");
