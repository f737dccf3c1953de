/* Of consoles: 'yado console', 'yado vnc'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_console_help, "a guest's serial console; Ctrl-] then q leaves", "シリアルコンソール（Ctrl-] の後 q で終了）");
MESSAGE(m_vnc_help, "a local port or socket for a VNC viewer", "VNCビューアー用のローカルポートまたはソケット");
MESSAGE(m_opt_port, "which serial port, from 1 (1 if not given)", "シリアルポートの番号（1から。省略時 1）");
MESSAGE(m_opt_read_only, "look, do not type", "見るだけで入力しない");
MESSAGE(m_opt_take_over, "take the keyboard from who has it", "使用中の人から操作を引き継ぐ");
MESSAGE(m_opt_escape, "the escape key: ^A to ^_, one character, or 'none' (^] if not given)",
	"エスケープキー: ^A〜^_、1文字、または 'none'（省略時 ^]）");
MESSAGE(m_opt_linger, "when input is not a terminal: go on reading that long after its end (2 if not given)",
	"入力が端末でない場合、入力の終わりの後に読み続ける秒数（省略時 2）");
MESSAGE(m_escape_wrong, "--escape is not a key", "--escape の値はキーではありません");
MESSAGE(m_escape_hint, "write it as ^] or as one character", "^] のように、または1文字で書いてください");
MESSAGE(m_no_descriptor, "the daemon sent no descriptor for the console", "デーモンからコンソールの記述子が届きませんでした");
MESSAGE(m_take_over_hint, "look with --read-only, or take it with --take-over",
	"--read-only で見るか、--take-over で引き継いでください");
MESSAGE(m_confirm_take_over, "%s. Take over?", "%s。引き継ぎますか?");
MESSAGE(m_taken_over, "taken over: you can type now", "引き継ぎました。入力できます");
MESSAGE(m_console_keys, "q or . leave, t take over, the escape key again: send it, ? this list",
	"q または . 終了、t 引き継ぐ、エスケープキー: そのまま送る、? この一覧");
MESSAGE(m_console_welcome, "Console of %s. %s then q leaves, then ? lists keys.\n",
	"%s のコンソール。%s の後 q で終了、? でキー一覧。\n");
MESSAGE(m_console_welcome_bare, "Console of %s. No escape key%.0s; end it by closing the terminal.\n",
	"%s のコンソール。エスケープキーなし%.0s。端末を閉じると終了します。\n");
MESSAGE(m_console_closed, "yado: the console was closed by the other side", "yado: コンソールは相手側で閉じられました");
MESSAGE(m_console_left, "yado: left the console; the guest runs on", "yado: コンソールを離れました。ゲストは動き続けます");
MESSAGE(m_opt_listen, "where to listen: a port of 127.0.0.1 or a path (else the first free port from 5900)",
	"待ち受ける127.0.0.1のポートまたはパス（省略時は5900以降の空きポート）");
MESSAGE(m_opt_once, "end when the first viewer has left", "最初のビューアーが切れたら終了する");
MESSAGE(m_path_too_long, "'%s' is too long for a socket", "'%s' はソケットのパスとして長すぎます");
MESSAGE(m_cannot_listen, "cannot listen on %s", "%s で待ち受けできません");
MESSAGE(m_vnc_port, "Open it with: vncviewer 127.0.0.1::%u   (Ctrl-C ends)\n",
	"接続: vncviewer 127.0.0.1::%u   （Ctrl-Cで終了）\n");
MESSAGE(m_vnc_unix, "Open it with: vncviewer %s   (Ctrl-C ends)\n", "接続: vncviewer %s   （Ctrl-Cで終了）\n");
