/* Headings of columns that more than one group has. */
#pragma once
#include "cli/text.h"

MESSAGE(m_col_address, "ADDRESS", "接続元");
MESSAGE(m_col_id, "ID", "ID");
MESSAGE(m_col_name, "NAME", "名前");
MESSAGE(m_col_state, "STATE", "状態");
MESSAGE(m_col_cpus, "CPUS", "CPU数");
MESSAGE(m_col_cpu, "CPU", "CPU");
MESSAGE(m_col_memory, "MEMORY", "メモリ");
MESSAGE(m_col_rev, "REV", "リビジョン");
MESSAGE(m_col_read, "READ", "読み込み");
MESSAGE(m_col_write, "WRITE", "書き込み");
MESSAGE(m_col_receive, "RECEIVE", "受信");
MESSAGE(m_col_send, "SEND", "送信");
MESSAGE(m_col_kind, "KIND", "種類");
MESSAGE(m_col_size, "SIZE", "サイズ");
MESSAGE(m_col_created, "CREATED", "作成日時");
MESSAGE(m_col_path, "PATH", "パス");
MESSAGE(m_col_free, "FREE", "空き");
MESSAGE(m_col_usable, "USABLE", "使用可");
MESSAGE(m_col_problem, "PROBLEM", "問題");
MESSAGE(m_col_object, "OBJECT", "対象");
MESSAGE(m_col_user, "USER", "ユーザー");
MESSAGE(m_col_at, "AT", "日時");
