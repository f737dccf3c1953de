/* Of 'yado audit' and 'yado access'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_audit_list_help, "list entries, newest first", "記録の一覧（新しい順）");
MESSAGE(m_audit_verify_help, "check the log's chain of hashes; with SEQ HASH also that this entry is as it was then",
	"ログのハッシュ連鎖を検査する。SEQ HASH を付けると、その記録が当時のままかも調べる");
MESSAGE(m_audit_none, "No entries.", "記録はありません。");
MESSAGE(m_audit_intact,
	"%" G_GINT64_FORMAT " entries, none altered or missing; the last is\n  %" G_GINT64_FORMAT " %s\n",
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

MESSAGE(m_col_seq, "SEQ", "番号");
MESSAGE(m_col_action, "ACTION", "操作");
MESSAGE(m_col_outcome, "OUTCOME", "結果");
MESSAGE(m_col_message, "MESSAGE", "メッセージ");
MESSAGE(m_col_repeated, "REPEATED", "繰り返し");
