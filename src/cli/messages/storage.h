/* Of 'yado storage'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_storage_list_help, "list storages", "ストレージの一覧");
MESSAGE(m_storage_show_help, "show a storage", "ストレージを表示する");
MESSAGE(m_storage_volumes_help, "list the volumes on a storage", "ストレージ上のボリュームの一覧");
MESSAGE(m_storage_create_help, "add a storage", "ストレージを追加する");
MESSAGE(m_storage_set_help, "change a storage", "ストレージを変更する");
MESSAGE(m_storage_delete_help, "take an empty storage out of Yado; its directory stays",
	"空のストレージを登録から外す（ディレクトリは残る）");
MESSAGE(m_storage_none, "No storages. Add one: yado storage create NAME --path DIRECTORY",
	"ストレージはありません。追加: yado storage create NAME --path ディレクトリ");
MESSAGE(m_volume_none, "No volumes. They come with a guest's disks: yado vm create NAME --disk size=8G",
	"ボリュームはありません。ゲストのディスクと共に作られます: yado vm create NAME --disk size=8G");
MESSAGE(m_storage_deleted, "storage %s is taken out", "ストレージ %s を外しました");
MESSAGE(m_storage_confirm_delete, "Take storage %s out of Yado?", "ストレージ %s を登録から外しますか?");
MESSAGE(m_storage_delete_volume_help, "delete a detached volume", "どのゲストにも接続されていないボリュームを削除する");
MESSAGE(m_volume_confirm_delete, "Delete volume %s and all that is on it?", "ボリューム %s を内容ごと削除しますか?");
MESSAGE(m_label_name, "name", "名前");
MESSAGE(m_label_kind, "kind", "種類");
MESSAGE(m_label_path, "path", "パス");
MESSAGE(m_label_total, "total", "全容量");
MESSAGE(m_label_free, "free", "空き");
MESSAGE(m_label_usable, "usable", "使用可");
MESSAGE(m_label_problem, "problem", "問題");

MESSAGE(m_col_attached, "ATTACHED", "接続");
MESSAGE(m_col_total, "TOTAL", "全容量");
MESSAGE(m_col_vm, "VM", "VM");
MESSAGE(m_col_format, "FORMAT", "形式");
MESSAGE(m_col_role, "ROLE", "用途");
