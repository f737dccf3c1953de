/* Of what 'yado vm' asks of the system in a guest: commands, files, file systems, passwords, the clock. */
#pragma once
#include "cli/text.h"

MESSAGE(m_opt_exec_input, "pass standard input on, up to 512 KiB", "標準入力を渡す（512 KiBまで）");
MESSAGE(m_opt_exec_timeout, "end it after that time (3600)", "この時間で終了させる（3600）");
MESSAGE(m_opt_exec_limit, "end it when it has written so much (64M)", "出力がこの量に達したら終了させる（64M）");
MESSAGE(m_opt_exec_leave, "it runs on when this command is interrupted", "このコマンドを中断しても続行させる");
MESSAGE(m_opt_file_mode, "the file's mode, as in 600", "ファイルのモード（例: 600）");
MESSAGE(m_opt_freeze_seconds, "thaw it after that time in any case (60)", "この時間が過ぎたら必ず解凍する（60）");
MESSAGE(m_exec_input_large, "standard input is more than %s", "標準入力が %s を超えています");
MESSAGE(m_exec_input_hint, "put it into the guest with 'yado vm put-file'", "'yado vm put-file' でゲストに書き込んでください");
MESSAGE(m_exec_limit_wrong, "'%s' is no size, as in 64M", "'%s' はサイズではありません（例: 64M）");
MESSAGE(m_exec_timeout, "the command took too long and was ended", "制限時間を超えたため、コマンドを終了させました");
MESSAGE(m_exec_limit, "the command wrote too much and was ended (--output-limit)",
	"出力が上限を超えたため、コマンドを終了させました（--output-limit）");
MESSAGE(m_exec_withdrawn, "the right to this was withdrawn, and the command was ended",
	"権限が取り消されたため、コマンドを終了させました");
MESSAGE(m_exec_stopped, "yadod ends, and so the command was ended", "yadodが終了するため、コマンドを終了させました");
MESSAGE(m_exec_cut, "the output is not complete", "出力の一部が失われました");
MESSAGE(m_exec_lost, "how the command ends is not known: the connection was lost",
	"接続が切れたため、コマンドの結果は不明です");
MESSAGE(m_exec_left, "\nyado: the command runs on in the guest as process %" G_GINT64_FORMAT "; its output is lost\n",
	"\nyado: コマンドはゲスト内でプロセス %" G_GINT64_FORMAT " として続行します（以後の出力は失われます）\n");
MESSAGE(m_exec_interrupted, "\nyado: the command in the guest (process %" G_GINT64_FORMAT ") is being ended\n",
	"\nyado: ゲスト内のコマンド（プロセス %" G_GINT64_FORMAT "）を終了させます\n");
MESSAGE(m_stdout, "standard output", "標準出力");
MESSAGE(m_file_got, "%s is now %s (%s)\n", "%s を %s に保存しました（%s）\n");
MESSAGE(m_file_put, "%s is in the guest (%s)\n", "%s をゲストに書き込みました（%s）\n");
MESSAGE(m_file_not_atomic,
	"  → it was written in place: this guest's agent runs no commands to put it there all at once\n",
	"  → このゲストのエージェントはコマンドを実行できないため、ファイルに直接書き込みました\n");
MESSAGE(m_filesystems_none, "The guest tells of no file systems.", "ファイルシステムは報告されていません。");
MESSAGE(m_guest_password_set, "The password of '%s' in the guest is set.", "ゲスト内の '%s' のパスワードを設定しました。");
MESSAGE(m_time_set, "The guest's clock is set.", "ゲストの時計を合わせました。");
MESSAGE(m_time_set_from, "The guest's clock was %+.3f s off and is now %+.3f s.\n",
	"ゲストの時計のずれ: %+.3f 秒 → %+.3f 秒\n");
MESSAGE(m_col_mountpoint, "MOUNTED ON", "マウント先");
MESSAGE(m_col_guest_device, "DEVICE", "デバイス");
MESSAGE(m_col_fs_type, "TYPE", "種類");
MESSAGE(m_col_fs_used, "USED", "使用量");
MESSAGE(m_col_fs_disks, "DISKS", "ディスク");
MESSAGE(m_col_share, "USE", "使用率");
