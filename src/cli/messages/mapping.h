/* Of 'yado mapping', and of the host's devices. */
#pragma once
#include "cli/text.h"

MESSAGE(m_mapping_list_help, "list mappings", "マッピングの一覧");
MESSAGE(m_mapping_show_help, "show a mapping, and which guests name it", "マッピングと使用中のゲストを表示する");
MESSAGE(m_mapping_create_help, "name a device or directory of the host, so that guests can be given it",
	"ホストのデバイスやディレクトリに名前を付け、ゲストに渡せるようにする");
MESSAGE(m_mapping_set_help, "change a mapping; guests that run keep what they have", "マッピングを変更する（稼働中のゲストは次の起動から）");
MESSAGE(m_mapping_delete_help, "forget mappings that no guest uses", "使われていないマッピングを削除する");
MESSAGE(m_mapping_none, "No mappings. Make one: yado mapping create NAME --kind directory --path DIRECTORY",
	"マッピングはありません。作成: yado mapping create NAME --kind directory --path ディレクトリ");
MESSAGE(m_device_none, "No PCI or USB devices.", "PCIデバイスもUSBデバイスもありません。");

MESSAGE(m_col_device, "DEVICE", "デバイス");
MESSAGE(m_col_device_id, "VENDOR:DEVICE", "ベンダー:デバイス");
MESSAGE(m_col_pci_address, "ADDRESS", "アドレス");
MESSAGE(m_col_bus, "BUS", "接続");
MESSAGE(m_col_class, "CLASS", "種類");
MESSAGE(m_col_title, "TITLE", "名称");
MESSAGE(m_col_driver, "DRIVER", "ドライバー");
MESSAGE(m_col_iommu_group, "GROUP", "グループ");
MESSAGE(m_col_mappings, "MAPPINGS", "マッピング");
