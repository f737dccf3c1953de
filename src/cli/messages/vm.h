/* Of 'yado vm', but for what is asked of the system in the guest, what the guest is handed, and consoles. */
#pragma once
#include "cli/text.h"

MESSAGE(m_vm_list_help, "list guests", "ゲストの一覧");
MESSAGE(m_vm_show_help, "show a guest: state, addresses, hardware", "ゲストの状態、アドレス、ハードウェアを表示する");
MESSAGE(m_vm_create_help, "make a guest", "ゲストを作成する");
MESSAGE(m_vm_set_help, "change a guest", "ゲストを変更する");
MESSAGE(m_vm_delete_help, "delete stopped guests and their volumes", "停止中のゲストをボリュームごと削除する");
MESSAGE(m_vm_start_help, "start guests", "ゲストを起動する");
MESSAGE(m_vm_shutdown_help, "shut guests down cleanly", "ゲストを正常にシャットダウンする");
MESSAGE(m_vm_stop_help, "turn the power off", "電源を切る");
MESSAGE(m_vm_reset_help, "press the reset button", "リセットする");
MESSAGE(m_vm_reboot_help, "reboot guests cleanly", "ゲストを正常に再起動する");
MESSAGE(m_vm_pause_help, "stop the CPUs, keep the memory", "CPUを止める（メモリは保持）");
MESSAGE(m_vm_setup_help, "enter the firmware's set-up at the next start, once", "次の起動時に一度だけファームウェア設定に入る");
MESSAGE(m_opt_setup_cancel, "take the request back", "要求を取り消す");
MESSAGE(m_vm_setup_asked, "guest %s enters its firmware's set-up at its next start", "ゲスト %s は次の起動時にファームウェア設定に入ります");
MESSAGE(m_vm_setup_cancelled, "guest %s starts as usual", "ゲスト %s は通常どおり起動します");
MESSAGE(m_vm_setup_waits, "The next start enters the firmware's set-up.", "次の起動時にファームウェア設定に入ります。");
MESSAGE(m_vm_upgrade_help, "give a guest this node's newest machine version at its next start",
	"次の起動時からノードの最新のマシンバージョンにする");
MESSAGE(m_opt_upgrade_machine, "another version, as in pc-q35-7.2; an older one is a step back",
	"別のバージョン（例: pc-q35-7.2）。古いものは後戻りになる");
MESSAGE(m_vm_upgraded_already, "guest %s has machine version %s already", "ゲスト %s のマシンバージョンは既に %s です");
MESSAGE(m_vm_stepped_back,
	"guest %s: machine version %s -> %s, a step back: what newer boards have is gone from its next start on; Windows "
	"looks for drivers once and may ask to be activated again. Back to it: yado vm upgrade-hardware %s --machine %s",
	"ゲスト %s: マシンバージョン %s -> %s（後戻り）。次の起動から、新しいバージョンにしかない機能はなくなる。Windowsはドライバーを一度探し直し、"
	"再認証を求めることがある。戻すには: yado vm upgrade-hardware %s --machine %s");
MESSAGE(m_vm_upgraded, "guest %s: machine version %s -> %s", "ゲスト %s: マシンバージョン %s -> %s");
MESSAGE(m_vm_resume_help, "let paused guests run on", "一時停止中のゲストを再開する");
MESSAGE(m_vm_question_help, "what guests that stand still wait for: disks that could not be written or read; of all "
			    "guests if none is named",
	"停止中のゲストの質問（ディスクの読み書きに失敗したもの）。省略時は全ゲスト");
MESSAGE(m_vm_answer_help, "answer it: 'retry' tries again and lets the guest run on, 'stop' takes its power",
	"質問に回答する。'retry' は再試行して続行、'stop' は電源断");
MESSAGE(m_question_none, "no guest asks anything", "質問はありません");
MESSAGE(m_question_since, "has stood still for %s:\n", "%s前から停止しています:\n");
MESSAGE(m_question_full, "  %s: storage '%s' is full (%s free now): free space there\n",
	"  %s: ストレージ '%s' の空き容量が不足しています（現在の空き %s）。空きを作ってください\n");
MESSAGE(m_question_failed, "  %s: storage '%s' fails (%s free now): see why\n",
	"  %s: ストレージ '%s' が失敗しています（空き %s）。原因を確認してください\n");
MESSAGE(m_question_answers, "  yado vm answer %s retry    tries again and lets it run on\n"
			    "  yado vm answer %s stop     takes its power\n",
	"  yado vm answer %s retry    再試行して続行\n  yado vm answer %s stop     電源断\n");
MESSAGE(m_vm_stats_help, "CPU, memory, disk and network use; all running guests if none is named",
	"CPU、メモリ、ディスク、ネットワークの使用量（省略時は稼働中の全ゲスト）");
MESSAGE(m_vm_exec_help, "run a command in a guest; its exit code becomes this command's",
	"ゲスト内でコマンドを実行する（終了コードはそのまま返る）");
MESSAGE(m_vm_get_file_help, "copy a file out of a guest, '-' to standard output",
	"ゲストのファイルを取り出す（'-' で標準出力へ）");
MESSAGE(m_vm_put_file_help, "copy a file into a guest, '-' from standard input",
	"ゲストにファイルを書き込む（'-' で標準入力から）");
MESSAGE(m_vm_guest_info_help, "what the guest's agent says: system, users, clock",
	"エージェントが報告するOS、ユーザー、時計を表示する");
MESSAGE(m_vm_filesystems_help, "the guest's file systems, how full they are, and their disks",
	"ゲストのファイルシステム、使用量、ディスクを表示する");
MESSAGE(m_vm_set_password_help, "set a user's password in the guest", "ゲスト内のユーザーのパスワードを設定する");
MESSAGE(m_vm_sync_time_help, "set the guest's clock to the node's", "ゲストの時計をノードに合わせる");
MESSAGE(m_vm_freeze_help, "have the guest write out everything and write nothing more, for a bounded time",
	"ゲストのファイルシステムを凍結する（時間制限あり）");
MESSAGE(m_vm_thaw_help, "let a frozen guest write again", "凍結したゲストを解凍する");
MESSAGE(m_vm_trim_help, "have the guest give back what it no longer uses of its disks",
	"使わなくなったディスク領域をゲストに返却させる");
MESSAGE(m_frozen_until, ", file systems frozen until %s", "、ファイルシステムは %s まで凍結中");
MESSAGE(m_vm_none, "No guests yet. Make one: yado vm create hello --image tiny --start",
	"ゲストはまだありません。作成: yado vm create hello --image tiny --start");
MESSAGE(m_vm_none_match, "No guest matches. All of them: yado vm list", "該当するゲストはありません。全件: yado vm list");
MESSAGE(m_vm_none_running, "No guest is running. Start one: yado vm start ID",
	"稼働中のゲストはありません。起動: yado vm start ID");
MESSAGE(m_opt_state, "only guests in that state", "その状態のゲストだけ");
MESSAGE(m_opt_tag, "only guests with that tag", "そのタグを持つゲストだけ");
MESSAGE(m_opt_start, "start it when it is made", "作成後に起動する");
MESSAGE(m_start_needs_wait, "--start and --no-wait do not go together", "--start と --no-wait は同時に使えません");
MESSAGE(m_start_needs_wait_hint, "leave out --no-wait, or start the guest later", "--no-wait を外すか、後で起動してください");
MESSAGE(m_vm_created, "guest %s has the id %" G_GINT64_FORMAT "; start it with yado vm start %s\n",
	"ゲスト %s (ID %" G_GINT64_FORMAT ") を作成しました。起動: yado vm start %s\n");
MESSAGE(m_vm_created_started, "guest %s has the id %" G_GINT64_FORMAT " and runs; its console: yado console %s\n",
	"ゲスト %s (ID %" G_GINT64_FORMAT ") を作成し起動しました。コンソール: yado console %s\n");
MESSAGE(m_vm_changed, "guest %s is changed", "ゲスト %s を変更しました");
MESSAGE(m_vm_changes_wait, "%u of its changes wait until it is shut down and started again: yado vm show %s\n",
	"%u 件の変更はシャットダウンして起動し直すと有効になります: yado vm show %s\n");
MESSAGE(m_vm_user_data_help, "give cloud-init user-data of one's own, from a file ('-': standard input); "
			     "kept encrypted",
	"cloud-initに独自のuser-dataをファイルから渡す（'-' は標準入力。暗号化して保管）");
MESSAGE(m_vm_password_help, "set the password of the user that cloud-init makes", "cloud-initが作るユーザーのパスワードを設定する");
MESSAGE(m_vm_answers_help, "give an installer its answers, from a file ('-': standard input); kept encrypted",
	"インストーラーの応答ファイルを渡す（'-' は標準入力。暗号化して保管）");
MESSAGE(m_vm_renew_identity_help, "new UUID, MAC addresses or serial numbers for a stopped guest; without an option "
				  "those that another guest has as well",
	"停止中のゲストのUUID、MACアドレス、シリアル番号を新しくする（オプションがなければ他のゲストと重複しているもの）");
MESSAGE(m_opt_renew_uuid, "a new UUID", "新しいUUID");
MESSAGE(m_opt_renew_macs, "a new MAC address for each network card", "各ネットワークカードの新しいMACアドレス");
MESSAGE(m_opt_renew_serials, "a new serial number for each disk", "各ディスクの新しいシリアル番号");
MESSAGE(m_vm_identity_renewed, "%s has a new identity", "%s の識別子を新しくしました");
MESSAGE(m_broken_nic, "take the card off and plug it in again, or stop and start the guest",
	"カードを取り外して付け直すか、ゲストを停止して起動してください");
MESSAGE(m_broken_share, "stop and start the guest; until then what uses the directory in the guest waits",
	"ゲストを停止して起動してください。それまでゲスト内でこのディレクトリを使う処理は待たされます");
MESSAGE(m_broken_tpm, "stop and start the guest; until then its TPM does not answer",
	"ゲストを停止して起動してください。それまでTPMは応答しません");
MESSAGE(m_conflicts, "Also another guest's (it is not started until that is mended: yado vm renew-identity)",
	"他のゲストと重複（yado vm renew-identity で新しくするまで起動できません）");
MESSAGE(m_vm_handed_help, "the files that the guest's next start brings on drives, without secrets",
	"次回起動時にドライブで渡されるファイルを表示する（秘密を除く）");
MESSAGE(m_vm_confirm_delete, "Delete guest %s (%" G_GINT64_FORMAT ") and its %d disk(s) for good?",
	"ゲスト %s (%" G_GINT64_FORMAT ") とディスク %d 個を完全に削除しますか?");
MESSAGE(m_opt_shutdown_timeout, "how long it may take, instead of the guest's own setting", "制限時間（ゲストの設定の代わり）");
MESSAGE(m_opt_shutdown_action, "what follows after that time: 'stop' turns the power off", "時間切れ後の動作。'stop' は電源断");
MESSAGE(m_opt_watch, "go on, every two seconds", "2秒ごとに表示を続ける");
MESSAGE(m_opt_span, "least, mean, greatest and last value over that time, with a graph", "その期間の最小、平均、最大、最新の値とグラフ");
MESSAGE(m_stats_span_one, "--span is of one guest: name it, without --watch",
	"--span は1台のゲストについて表示します。ゲストを1つ指定し、--watch は外してください");
MESSAGE(m_stats_json_one, "-o json gives the counters of one guest: name it, without --watch",
	"-o json は1台のゲストのカウンターを出します。ゲストを1つ指定し、--watch は外してください");
MESSAGE(m_since, " since %s (%s)", " %s から (%s)");
MESSAGE(m_cpu_line,
	"%" G_GINT64_FORMAT " (sockets %" G_GINT64_FORMAT ", cores %" G_GINT64_FORMAT ", threads %" G_GINT64_FORMAT
	"), model %s",
	"%" G_GINT64_FORMAT " (ソケット %" G_GINT64_FORMAT "、コア %" G_GINT64_FORMAT "、スレッド %" G_GINT64_FORMAT
	")、モデル %s");
MESSAGE(m_addresses, "addresses", "アドレス");
MESSAGE(m_agent, "agent", "エージェント");
MESSAGE(m_cpu, "CPUs", "CPU");
MESSAGE(m_memory, "memory", "メモリ");
MESSAGE(m_memory_in_guest, "used inside", "ゲスト内の使用量");
MESSAGE(m_memory_taken_back, "taken back", "回収中");
MESSAGE(m_answers, "answers", "応答ファイル");
MESSAGE(m_guestinfo, "Guest info", "ゲスト情報");
MESSAGE(m_settings, "Further settings", "その他の設定");
MESSAGE(m_acceleration, "acceleration", "アクセラレーション");
MESSAGE(m_image, "image", "イメージ");
MESSAGE(m_os, "system", "OS");
MESSAGE(m_kernel, "kernel of", "カーネル");
MESSAGE(m_machine, "machine", "マシン");
MESSAGE(m_firmware, "firmware", "ファームウェア");
MESSAGE(m_display, "display", "ディスプレイ");
MESSAGE(m_boot, "boot order", "起動順");
MESSAGE(m_autostart, "start at boot", "自動起動");
MESSAGE(m_restart, "restart", "異常時の再起動");
MESSAGE(m_console_writer, "console used by", "コンソール使用者");
MESSAGE(m_process, "process", "プロセス");
MESSAGE(m_tags, "tags", "タグ");
MESSAGE(m_disks, "Disks", "ディスク");
MESSAGE(m_cdroms, "CD drives", "CDドライブ");
MESSAGE(m_nics, "Network cards", "ネットワークカード");
MESSAGE(m_usb, "USB devices", "USBデバイス");
MESSAGE(m_pci, "PCI devices of the host", "ホストのPCIデバイス");
MESSAGE(m_shares, "Shared directories", "共有ディレクトリ");
MESSAGE(m_no_effect, "Without effect", "効果のない設定");
MESSAGE(m_pending, "Waiting for a restart", "再起動待ちの変更");

MESSAGE(m_col_reason, "REASON", "理由");
MESSAGE(m_col_inside, "IN GUEST", "ゲスト内");
MESSAGE(m_col_limit, "LIMIT", "上限");
MESSAGE(m_col_age, "FOR", "経過");
MESSAGE(m_col_since, "SINCE", "開始");
MESSAGE(m_col_node, "NODE", "ノード");
MESSAGE(m_col_tags, "TAGS", "タグ");
MESSAGE(m_col_pending, "PENDING", "変更待ち");
MESSAGE(m_col_iops, "IOPS", "IOPS");
