/* Of the doctor and the support bundle. */
#pragma once
#include "cli/text.h"

MESSAGE(m_opt_only, "only these checks", "このチェックのみ");
MESSAGE(m_opt_doctor_node, "node to look at (default: the one that answers)", "調べるノード（省略時は応答したノード）");
MESSAGE(m_state_ok, "ok", "正常");
MESSAGE(m_state_note, "note", "参考");
MESSAGE(m_state_unknown, "unknown", "不明");
MESSAGE(m_state_warning, "warning", "警告");
MESSAGE(m_state_problem, "problem", "問題");
MESSAGE(m_doctor_cost, "cost", "影響");
MESSAGE(m_doctor_remedy, "do", "対処");
MESSAGE(m_doctor_summary, "%d ok, %d notes, %d unknown, %d warnings, %d problems",
	"正常 %d、参考 %d、不明 %d、警告 %d、問題 %d");
MESSAGE(m_doctor_local, "yadod does not answer on '%s': looking without it",
	"yadod が '%s' で応答しないため、yadodなしで調べます");
MESSAGE(m_doctor_not_here, "on the host itself the package yado has it", "ホスト上のパッケージ yado に含まれます");
MESSAGE(m_doctor_needs_root, "run the command as root", "rootとして実行してください");
MESSAGE(m_doctor_not_root, "only root sees enough of the host", "ホストを調べられるのはrootだけです");
MESSAGE(m_doctor_failed, "yado-doctor came to no end", "yado-doctor が正しく終わりませんでした");
MESSAGE(m_doctor_unknown_check, "there is no check '%s'", "'%s' というチェックはありません");
MESSAGE(m_bundle_made, "support bundle: '%s' (%s). Look at README in it before you give it to somebody: it has names "
		       "and addresses of this host.\n",
	"不具合報告用ファイル: '%s'（%s）。ホストの名前やアドレスを含むため、渡す前に中の README を確認してください。\n");
