/* Of 'yado node'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_stats_span_watch, "--span shows what was; leave out --watch", "--span は過去の値を表示します。--watch は外してください");

MESSAGE(m_node_list_help, "list nodes", "ノードの一覧");
MESSAGE(m_node_show_help, "show a node: versions, acceleration and why; this one if none is named",
	"ノードのバージョンやアクセラレーションを表示する（省略時はこのノード）");
MESSAGE(m_node_devices_help, "list the PCI and USB devices of a node; this one if none is named",
	"ノードのPCIデバイスとUSBデバイスの一覧。省略時はこのノード");
MESSAGE(m_node_memory_help, "how guests share a node's memory (balloons, KSM, huge pages): show it, "
			    "or with flags change it",
	"ゲスト間のメモリの分け方（バルーン、KSM、ヒュージページ）を表示する。フラグで変更する");
MESSAGE(m_node_memory_changed, "the memory setting of the node is changed", "ノードのメモリ設定を変更しました");
MESSAGE(m_node_stats_help, "CPU, load, memory, disk and network use of a node; this one if none is named",
	"ノードのCPU、負荷、メモリ、ディスク、ネットワークの使用量（省略時はこのノード）");
MESSAGE(m_node_shutdown_guests_help, "shut down all guests of a node, the last to start first; "
				     "this one if none is named",
	"ノードの全ゲストを起動と逆の順にシャットダウンする（省略時はこのノード）");
MESSAGE(m_opt_shutdown_guests_timeout, "how long a guest may take at most; less if its own setting is less",
	"各ゲストの制限時間の上限（ゲストの設定の方が短ければそちら）");
MESSAGE(m_node_cpu_features_help, "CPU features and models that a node offers to guests; with -o json, "
				  "for 'yado node baseline'",
	"ノードがゲストに提供できるCPU機能とモデル（-o json の出力は 'yado node baseline' 用）");
MESSAGE(m_node_baseline_help, "the CPU model that several nodes have in common, from files that 'yado -o json node "
			      "cpu-features' wrote on each",
	"複数ノードに共通するCPUモデル（各ノードで 'yado -o json node cpu-features' が出力したファイルから求める）");
MESSAGE(m_baseline_model, "CPU model", "CPUモデル");
MESSAGE(m_baseline_flags, "beyond it", "追加できる機能");
MESSAGE(m_baseline_unused, "unused on %s", "%s で未使用");
MESSAGE(m_baseline_use, "For guests that are to run on each of them: yado vm set VM --cpu-model %s%s%s\n",
	"どのノードでも動かすゲストには: yado vm set VM --cpu-model %s%s%s\n");
MESSAGE(m_baseline_bad_file, "'%s' is not what 'yado -o json node cpu-features' writes",
	"'%s' は 'yado -o json node cpu-features' の出力ではありません");
MESSAGE(m_baseline_twice, "'%s' is of node '%s' as well", "'%s' も同じノード '%s' のものです");
MESSAGE(m_node_none, "No nodes.", "ノードはありません。");

MESSAGE(m_col_uptime, "UPTIME", "稼働時間");
MESSAGE(m_col_version, "VERSION", "バージョン");
MESSAGE(m_col_qemu, "QEMU", "QEMU");
MESSAGE(m_col_acceleration, "ACCELERATION", "アクセラレーション");
MESSAGE(m_col_running, "RUNNING", "稼働中");
