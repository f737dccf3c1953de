/* The table of privileges, and of the roles that are always there. */
#include "schema/privilege.h"

#define BIT(name) ((Privileges)1 << PRIVILEGE_##name)

const PrivilegeInfo privileges[PRIVILEGE_COUNT] = {
	[PRIVILEGE_NONE] = {"none", "nothing has to be granted", "権限は不要"},
	[PRIVILEGE_VM_READ] = {"vm.read", "see a guest, its tasks and its statistics",
			       "ゲストの状態、タスク、統計の参照"},
	[PRIVILEGE_VM_POWER] = {"vm.power", "start, stop, pause and reset a guest",
				"ゲストの起動、停止、一時停止、リセット"},
	[PRIVILEGE_VM_CONSOLE] = {"vm.console", "use a guest's consoles", "ゲストのコンソールの使用"},
	[PRIVILEGE_VM_GUEST] = {"vm.guest",
				"act inside a guest through its agent: commands, files, passwords, freezing",
				"エージェントによるゲスト内の操作（コマンド、ファイル、パスワード、凍結）"},
	[PRIVILEGE_VM_CONFIGURE] = {"vm.configure", "change a guest's configuration", "ゲストの設定の変更"},
	[PRIVILEGE_VM_CREATE] = {"vm.create", "make guests", "ゲストの作成"},
	[PRIVILEGE_VM_DELETE] = {"vm.delete", "delete a guest with its disks", "ゲストとディスクの削除"},
	[PRIVILEGE_IMAGE_READ] = {"image.read", "see images, make guests from them, download them",
				  "イメージの参照、使用、ダウンロード"},
	[PRIVILEGE_IMAGE_MANAGE] = {"image.manage", "upload, build and delete images",
				    "イメージのアップロード、作成、削除"},
	[PRIVILEGE_STORAGE_READ] = {"storage.read", "see storages and their volumes", "ストレージとボリュームの参照"},
	[PRIVILEGE_STORAGE_USE] = {"storage.use", "put guests' disks on a storage", "ストレージへのディスクの配置"},
	[PRIVILEGE_STORAGE_MANAGE] = {"storage.manage", "make, change and remove storages, delete volumes",
				      "ストレージの作成、変更、削除、ボリュームの削除"},
	[PRIVILEGE_NETWORK_USE] = {"network.use", "connect guests to a network", "ゲストのネットワークへの接続"},
	[PRIVILEGE_MAPPING_READ] = {"mapping.read", "see mappings of the host's devices and directories",
				    "ホストのデバイスとディレクトリのマッピングの参照"},
	[PRIVILEGE_MAPPING_USE] = {"mapping.use", "give guests what a mapping names",
				   "マッピングの対象をゲストに渡すこと"},
	[PRIVILEGE_MAPPING_MANAGE] = {"mapping.manage", "make, change and remove mappings",
				      "マッピングの作成、変更、削除"},
	[PRIVILEGE_NODE_READ] = {"node.read", "see the node", "ノードの参照"},
	[PRIVILEGE_NODE_MANAGE] = {"node.manage", "change the node's settings, shut down all its guests",
				   "ノードの設定の変更、全ゲストのシャットダウン"},
	[PRIVILEGE_HISTORY_READ] = {"history.read", "see the whole configuration's history", "全設定の変更履歴の参照"},
	[PRIVILEGE_HISTORY_RESTORE] = {"history.restore", "restore configuration from its history",
				       "履歴からの設定の復元"},
	[PRIVILEGE_METRICS_READ] = {"metrics.read", "read the metrics of all guests and the node",
				    "全メトリクスの参照"},
	[PRIVILEGE_ACCESS_READ] = {"access.read", "see users, roles, tokens and sessions",
				   "ユーザー、ロール、トークン、セッションの参照"},
	[PRIVILEGE_ACCESS_MANAGE] = {"access.manage", "make and change users, roles and what is granted to them",
				     "ユーザー、ロール、権限付与の管理"},
	[PRIVILEGE_AUDIT_READ] = {"audit.read", "read the audit log", "監査ログの参照"},
};

#define READ_ALL                                                                                                       \
	(BIT(VM_READ) | BIT(IMAGE_READ) | BIT(STORAGE_READ) | BIT(MAPPING_READ) | BIT(NODE_READ) | BIT(HISTORY_READ) | \
	 BIT(METRICS_READ))

const BuiltinRole builtin_roles[] =
	{{"admin", ((Privileges)1 << PRIVILEGE_COUNT) - 2, "everything", "すべて"},
	 {"operator",
	  READ_ALL | BIT(VM_POWER) | BIT(VM_CONSOLE) | BIT(VM_GUEST) | BIT(VM_CONFIGURE) | BIT(VM_CREATE) |
		  BIT(VM_DELETE) | BIT(IMAGE_MANAGE) | BIT(STORAGE_USE) | BIT(NETWORK_USE) | BIT(MAPPING_USE),
	  "guests and images, but not the node nor who may do what",
	  "ゲストとイメージの管理（ノードとアクセス権は除く）"},
	 {"user", BIT(VM_READ) | BIT(VM_POWER) | BIT(VM_CONSOLE) | BIT(IMAGE_READ) | BIT(STORAGE_READ),
	  "use guests: see them, power, consoles", "ゲストの利用（参照、電源、コンソール）"},
	 {"auditor", READ_ALL | BIT(ACCESS_READ) | BIT(AUDIT_READ), "see everything, change nothing",
	  "すべての参照のみ（変更不可）"},
	 {NULL}};

Privilege privilege_from_name(const char *name)
{
	for (guint i = PRIVILEGE_NONE + 1; i < PRIVILEGE_COUNT; i++)
		if (g_strcmp0(privileges[i].name, name) == 0)
			return (Privilege)i;
	return PRIVILEGE_NONE;
}

const char *check_privilege(const char *value)
{
	return privilege_from_name(value) ? NULL
					  : "be a privilege, as in 'vm.power' ('yado role privileges' lists them)";
}
