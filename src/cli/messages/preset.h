/* Of 'yado preset'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_preset_list_help, "list the operating systems that there are presets for", "プリセットのあるOSの一覧");
MESSAGE(m_preset_show_help, "show what a preset decides, and why", "プリセットが決める値とその理由");
MESSAGE(m_preset_none, "No presets.", "プリセットはありません。");
MESSAGE(m_preset_with_drivers, "With a disk of drivers in the library (its os, or the beginning of its name), and a "
			       "system yet to be installed:",
	"ライブラリにドライバーディスクがあり（os または名前の先頭が一致）、これからインストールする場合:");
MESSAGE(m_col_os, "OPERATING SYSTEM", "OS");
MESSAGE(m_col_group, "GROUP", "分類");
