/* Of what 'yado vm' hands a guest: user data, passwords, answers of an installation. */
#pragma once
#include "cli/text.h"

MESSAGE(m_opt_handed_remove, "take away what was given", "渡したものを取り消す");
MESSAGE(m_opt_answers_kind, "for which installer", "対象のインストーラー");
MESSAGE(m_opt_answers_bus, "how the guest sees the drive; sata if not given", "ドライブの接続方式。省略時は sata");
MESSAGE(m_handed_no_text, "'%s' is not text in UTF-8", "'%s' はUTF-8のテキストではありません");
MESSAGE(m_handed_file_or_remove, "give a file, or --remove", "ファイルか --remove のどちらかを指定してください");
MESSAGE(m_answers_need_kind, "--kind says which installer reads the answers", "どのインストーラー用か --kind で指定してください");
MESSAGE(m_handed_none, "no drive is made for this guest", "このゲストに渡すドライブはありません");
MESSAGE(m_handed_uploaded, "as it was uploaded, SHA-256 %s\n", "アップロードされたまま（SHA-256 %s）\n");
MESSAGE(m_handed_boot_line, "add to the installer's boot line (Tab or 'e' at its menu): %s\n",
	"インストーラーの起動メニューで（Tabまたはeキー）、次を追加してください: %s\n");
