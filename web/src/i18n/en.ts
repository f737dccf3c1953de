// English, which decides what messages there are.
export const en = {
  // places
  overview: "Overview", guests: "Guests", guest: "guest", images: "Images", image: "image", storages: "Storages", storage: "storage",
  tasks: "Tasks", task: "Task", history: "History", access: "Access", node: "Node", console: "Console", sections: "Sections",
  // frame
  skip: "Skip to the content", search: "Search and do", account: "Account", language: "Language", theme: "Appearance",
  theme_system: "As the system", theme_light: "Light", theme_dark: "Dark", sign_out: "Sign out", go_to: "go to", action: "Action", actions: "Actions",
  palette_hint: "A guest, a place, or something to do…", nothing_found: "Nothing found", not_found: "There is nothing here",
  connection_lost: "The connection to the node is lost. Trying again; what is shown may be old.", loading: "Loading…", try_again: "Try again",
  unreachable: "The node does not answer", close: "Close", cancel: "Cancel", apply: "Apply", all: "All", none: "None", remove: "Remove",
  edit: "Edit", undo: "Undo", copy: "Copy", delete: "Delete", create: "Create", newest: "Newest", older: "Older",
  // sign in
  user: "User", password: "Password", sign_in: "Sign in", signing_in: "Signing in…", no_user_yet: "No user yet?",
  first_user_hint: "The first user is made on the host itself:",
  // states
  state_running: "running", state_starting: "starting", state_stopping: "stopping", state_paused: "paused", state_panicked: "panicked", state_unknown: "unknown", state_stopped: "stopped",
  task_queued: "queued", task_running: "running", task_done: "done", task_failed: "failed", task_cancelled: "cancelled",
  // overview
  no_guests: "There are no guests yet.", memory: "Memory", cpus: "Processors", acceleration: "Acceleration", uptime: "Up for", used_of: "{used} of {total}", free_of: "{free} of {total} free",
  unusable: "not usable", usable: "usable", attention: "Needs attention", attention_none: "All is well", attention_broken: "{name}: failed: {parts}", broken_mark: "part failed", conflict_mark: "same identity", part_nic: "network card {name}", part_share: "share {name}", broken_title: "A process that serves this guest has ended. The guest runs on without what it served; a restart from inside does not bring that back.", broken_nic: "Take the card off and plug it in again, or reboot the guest from here.", broken_share: "Reboot the guest from here; until then what uses the directory in the guest waits.", broken_tpm: "Reboot the guest from here; until then its TPM does not answer.", attention_conflict: "{name}: another guest has the same identity", conflict_title: "Another guest has this as well. The guest is not started until it has values of its own.", conflict_of: "{path}: {value}, as “{vm}” has", renew_identity: "Give it new ones…", renew_of: "New identity of {name}", attention_pending: "{name}: changes wait for the next start",
  attention_unusable: "Storage {name} cannot be used", attention_full: "Storage {name} has only {free} left", recent_tasks: "Recent tasks", no_tasks: "No tasks",
  // guests
  create_guest: "New guest", col_id: "No.", col_name: "Name", col_state: "State", col_reason: "Reason", col_cpus: "CPUs", col_memory: "Memory", col_tags: "Tags", col_since: "Since",
  pending_mark: "restart needed", count_of: "{count} of {all}", filter: "Filter", filter_hint: "state:running tag:prod name~web memory>1G", filter_unknown: "There is no field “{name}”; there are {fields}",
  filter_clear: "Show all", view_save: "Save as view", view_name: "Name of the view", view_drop: "Forget view {name}", selected: "{count} selected", select_all: "Select all", select_none: "Select none", outcome: "Outcome",
  // actions
  action_start: "Start", action_shutdown: "Shut down", action_reboot: "Reboot", action_pause: "Pause", action_resume: "Resume", action_reset: "Reset", action_stop: "Power off", more_actions: "More",
  confirm_power: "What has not been written to disk yet is lost.",
  // toasts and plans
  toast_done: "Done: {title}", toast_failed: "Failed: {title}", toast_cancelled: "Cancelled: {title}", toast_show: "Show", task_log: "Log", show_plan: "Show the plan",
  plan_making: "Making the plan…", plan_field: "Field", plan_before: "Before", plan_after: "After", plan_when: "Takes effect", plan_now: "now", plan_restart: "at the next start", plan_anew: "The plan has been made anew with that; look at it, and apply it if it still is what you want.", plan_nothing: "Nothing would change.",
  same_as_command: "The same as a command", copy_command: "Copy the command", copy_curl: "Copy for curl",
  size_wrong: "A size such as 512M or 10G", list_hint: "separated by commas", add_entry: "Add: {what}",
  // a guest
  state: "State", agent: "Guest agent", agent_none: "none", agent_waiting: "not answering yet", agent_connected: "answers", addresses: "Addresses", hardware: "Hardware", drive_empty: "empty", firmware: "Firmware",
  tab_summary: "Summary", tab_console: "Console", tab_hardware: "Hardware", tab_history: "History", tab_tasks: "Tasks", guest_gone: "This guest is gone, or you may not see it",
  secure_boot: "Secure Boot", no_effect_title: "Settings without effect as things are:", pending_title: "These changes wait for the next start:", change_of: "Change {name}", delete_of: "Delete {name}",
  graph_cpu: "Processor", graph_memory: "Memory", graph_disk: "Disks", graph_network: "Network", read: "read", written: "written", received: "received", sent: "sent",
  // consoles
  console_stopped: "A stopped guest has no console. Start it.", console_waits: "The console opens as soon as the guest runs.", console_forbidden: "You may not use this guest's console.", console_display: "Display", console_serial: "Serial", console_window: "Own window",
  console_connecting: "Connecting…", console_open: "Connected", console_lost: "Connection lost; trying again…", console_refused: "Not connected", console_take_over: "Take over", screenshot: "Screenshot", full_screen: "Full screen", full_screen_leave: "Leave full screen",
  console_tools: "Tools of the console", console_keys: "Ctrl-Alt-G leaves the console", console_keys_full: "Ctrl-Alt-G leaves the console; Esc, held, leaves full screen", console_clear: "Clear", console_save: "Save the text", text_smaller: "Smaller text", text_bigger: "Bigger text",
  paste: "Paste", paste_title: "Paste into the guest", paste_text: "Text to paste", paste_typed: "It is typed on a keyboard with the {layout} layout.", paste_lacking: "That layout has no key for: {characters}", paste_typing: "Being typed", paste_progress: "{done} of {total} characters", paste_stop: "Stop",
  send_keys: "Send keys", key_windows: "Windows key", key_print: "Print Screen", touch_keyboard: "Keyboard", scale_hint: "Show each dot of the guest as one dot, rather than fit the window",
  layout: "Keyboard layout", layout_hint: "As the keyboard: the guest gets the keys by their place. Otherwise it gets the keys that have the typed characters in its own layout.", layout_position: "As the keyboard", layout_us: "Guest has a US layout", layout_jis: "Guest has a Japanese (JIS) layout", layout_name_us: "US", layout_name_jis: "Japanese (JIS)",
  // history
  history_empty: "Nothing has changed yet.", changes: "{count} fields", restore: "Restore", restore_of: "Bring {path} back to revision {rev}",
  // create
  create_system: "For which operating system?", system: "Operating system", system_search: "Windows, Debian, ESXi…", system_none: "Not said: usual hardware", system_of_image: "As the image says: {system}", system_drivers: "Drivers for Windows (virtio-win)", system_unknown: "Not said", plan_chosen: "Chosen for this operating system", plan_value: "Value", plan_why: "Why", plan_whole: "The whole guest",
  create_from: "From what?", create_empty: "Empty", create_empty_text: "An empty disk; put in an ISO later", no_images: "There are no images yet.", create_size: "How big?", disk: "Disk", create_start: "Start it at once",
  all_settings: "All settings", create_of: "Create {name}", create_and_start: "Create and start",
  // images
  upload_file: "Upload a file", upload: "Upload", upload_of: "Upload {name}", import_of: "Import {name}", format: "Format", build_image: "Build from a recipe", build: "Build", build_of: "Build {name}", drop_here: "Drop an ISO or a disk image here to upload it.",
  kind: "Kind", size: "Size", created: "Created", description: "Description", download: "Download", path: "Path",
  // tasks
  object: "Object", begun: "Started", ended: "Ended", step: "Step", cancel_task: "Cancel the task", cancelling: "Being cancelled…", log_empty: "Nothing yet",
  // node
  running_guests: "Running guests", machine: "Machine type", doctor: "Doctor", doctor_ask: "Examine", doctor_works: "Examining…", doctor_fine: "Nothing is missing.", doctor_hint: "Looks for what is wrong or missing on this host, what that costs, and how to get it.",
  // what a guest is handed
  entry_name: "Key", handed: "What it is handed", handed_preview: "What the guest will get", handed_give: "Give…", handed_user_data: "Own user-data (cloud-init)", handed_password: "Password (cloud-init)", handed_answers: "Installer's answers",
  handed_content: "Content", handed_file: "Or from a file", handed_kept: "It is kept encrypted, and not shown again. The guest gets it at its next start.", handed_installer: "Installer", handed_bus: "Bus of the drive", handed_boot_line: "Add to the installer's boot line (Tab or 'e' at its menu), so that it reads its answers:", handed_nothing: "No drive is made for this guest.", handed_as_given: "As it was given, SHA-256",
  // access
  access_users: "Users", access_tokens: "Tokens", access_roles: "Roles", access_sessions: "Sessions", access_audit: "Audit log", full_name: "Full name", grants: "Grants", role: "Role", add_grant: "Add a grant",
  enabled: "enabled", disabled: "disabled", enable: "Enable", disable: "Disable", enable_of: "Enable {name}", disable_of: "Disable {name}",
  create_user: "New user", password_of: "Password of {name}", password_current: "Current password", password_new: "New password", password_rules: "At least {length} characters", password_set: "The password is set", password_change: "Change my password",
  create_token: "New token", token_made: "The token is made", token_once: "This is its secret. It is shown this once.", no_tokens: "There are no tokens.", expires: "Expires", builtin: "built in", address: "Address", browser: "Browser", last_used: "Last used",
  this_session: "this one", end_session: "End", at: "At", outcome_done: "done", outcome_refused: "refused", outcome_failed: "failed",
  // the rest of the frame
  yes: "yes", no: "no", seconds: "seconds", save: "Save", session_ended: "Your session has ended", session_ended_text: "Sign in again to go on where you are. Nothing is lost.", my_account: "My account and rights", palette_which: "Which one?", columns: "Columns",
  // tasks, by their kind
  "kind_vm.create": "Create", "kind_vm.change": "Change", "kind_vm.apply": "Apply changes", "kind_vm.delete": "Delete", "kind_vm.start": "Start", "kind_vm.shutdown": "Shut down", "kind_vm.stop": "Power off", "kind_vm.reset": "Reset", "kind_vm.reboot": "Reboot", "kind_vm.pause": "Pause", "kind_vm.resume": "Resume", "kind_vm.freeze": "Freeze", "kind_vm.thaw": "Thaw", "kind_vm.trim": "Trim",
  "kind_image.build": "Build image", "kind_image.import": "Import image", "kind_image.delete": "Delete image", "kind_volume.delete": "Delete volume", "kind_node.shutdown-guests": "Shut down all guests", progress: "Progress", time_left: "about {time} left",
  // overview
  up_for: "up for {time}", accel_kvm: "hardware (KVM)", accel_tcg: "software (TCG)", cpu_arrangement: "sockets: {sockets}, cores: {cores}, threads: {threads}", cores_performance: "performance cores (P): CPU {cpus} ({count} in all)", cores_efficiency: "efficiency cores (E): CPU {cpus} ({count} in all)", numa_node: "NUMA node {node}: CPU {cpus} · {memory}", first_steps: "First steps", first_image: "Get an image", first_image_text: "Build a Linux from a recipe, or upload an ISO or a disk image.", first_guest: "Make a guest of it", first_guest_text: "Its console opens as soon as it runs.",
  // firmware
  setup_once: "Enter firmware set-up at the next start", setup_cancel: "Do not enter firmware set-up", setup_waits: "the next start enters the set-up",
  upgrade_hardware: "Upgrade the machine version…", upgrade_of: "Machine version of {name}",
  // questions
  question_title: "The guest stands still and waits for an answer", question_full: "{disk}: storage “{storage}” is full ({free} free now). Free space there first.", question_failed: "{disk}: storage “{storage}” fails. See why first.",
  question_kept: "Nothing is lost: what could not be done is kept, and done when the guest goes on.", question_retry: "Try again and go on", question_look: "Look again",
  "kind_vm.retry": "Try again and go on",
  // memory
  node_memory: "How guests share the memory", huge_pages: "Huge pages", pages_none: "none set aside", pages_free: "{free} of {total} free", ksm_absent: "not in this kernel", ksm_off: "off", ksm_on: "on", ksm_saves: "saves {size}",
  memory_on_node: "on the node", memory_in_guest: "in the guest", memory_now: "{used} used inside", memory_taken: "{size} taken back",
  // graphs
  time_span: "Time span", span_live: "Now", span_hour: "Hour", span_day: "Day", span_week: "Week", span_month: "Month", span_year: "Year", graph_load: "Load", graph_operations: "Disk operations",
  // a guest
  tab_permissions: "Permissions", shutdown_with: "Shut down with a time…", shutdown_text: "The guest is asked to shut down. What is left empty is as its own settings say.",
  permissions: "Who may do what", granted_on: "Granted on", allows: "Allows", withdraw: "Withdraw", grant: "Grant", grant_of: "Grant {user} rights on {name}", withdraw_of: "Withdraw rights of {user} on {name}", permissions_hint: "What is granted on a path holds for all below it, and on a tag for all guests with that tag.",
  // mappings
  mappings: "Mappings", create_mapping: "New mapping", no_mappings: "There are no mappings yet. One gives a device or a directory of this machine a name by which guests can have it.", mapping_target: "Stands for", share_of: "share of {mapping}, mounted as {tag}", mapping_pci: "PCI device", mapping_usb: "USB device", mapping_directory: "Directory", read_only: "read-only",
  devices: "Devices of this machine", devices_look: "Look", devices_hint: "The PCI and USB devices that a mapping can name.", devices_no_iommu: "No PCI device can be given to a guest: the host has no IOMMU that is switched on (VT-d or AMD-Vi in its BIOS). The doctor below says more.", no_devices: "There are none.", device: "Device", driver: "Driver", iommu_group: "IOMMU group",
  // storages
  create_storage: "New storage", storage_dir: "Directory", forget: "Forget", forget_of: "Forget {name}; its directory stays", volumes: "Volumes", no_volumes: "There are no volumes on it.", guest_of: "Guest", attached: "attached", detached: "detached",
  // images
  guest_from_it: "New guest from it", file_disk: "Disk (qcow2)", file_kernel: "Kernel (ELF)", file_kernel_efi: "Kernel (bzImage)", file_initrd: "Initial RAM disk", recipe: "Recipe", image_build: "Build", digest: "SHA-256", kernel_line: "Kernel command line",
  uploads_left: "Unfinished uploads", arrived: "Arrived", go_on: "Go on…", image_exists: "There is an image “{name}” already; choose another name.", copied: "Copied", other_file: "That is another file: the upload is of one of {size}.",
  // history
  history_created: "created", history_changed: "changed", history_deleted: "deleted", revision: "revision {rev}", document: "Show the document as it was", document_then: "{name} at revision {rev}", restore_this: "Bring this back…", restore_everything: "Bring everything back to here…", restore_all: "Bring the whole configuration back to revision {rev}",
  history_of_all: "All", history_of_guests: "Guests", history_of_storages: "Storages", history_of_facts: "With facts",
  // access
  access_settings: "Rules", access_me: "My account", create_role: "New role", as_user: "all of the user's", my_rights: "What is granted to you, and by which paths:", verify: "Verify the log", audit_intact: "The log is as it was written: {count} entries, each chained to the one before.", audit_broken: "The log has been changed.",
  password_repeat: "Repeat it", password_differs: "The two are not the same.", password_lower: "a lower-case letter", password_upper: "an upper-case letter", password_digit: "a digit", password_special: "another character",
  // node
  services: "Yado's services", guest_groups: "Control groups", support_bundle: "Support bundle", shutdown_guests: "Shut down all guests…", shutdown_guests_text: "All guests of this node are shut down, the last to start first, each with its own time at most.", doctor_all: "Show all {count} checks", doctor_less: "Show what needs somebody",
  // inside a guest
  refresh: "Refresh",
  tab_tools: "Guest tools",
  filesystems: "File systems",
  filesystems_none: "The guest tells of none.",
  guest_system: "System",
  guest_os: "Operating system",
  guest_kernel: "Kernel",
  guest_hostname: "Host name",
  guest_timezone: "Time zone",
  guest_clock: "Clock ahead by",
  guest_users: "Logged in",
  guest_disabled: "Not allowed by the agent",
  guest_sync_time: "Set the clock",
  guest_time_set: "The clock was {before} s off and is now {after} s",
  guest_trim: "Trim",
  guest_freeze: "Freeze for a minute",
  guest_freeze_text: "The guest writes out everything and then nothing more until it is thawed, after a minute at the latest.",
  guest_thaw: "Thaw",
  guest_frozen: "The file systems are frozen; they are thawed at {until} at the latest.",
  guest_frozen_agent: "Until it is thawed, the agent does nothing else.",
  guest_password: "Password in the guest",
  guest_command: "Run a command",
  guest_run: "Run",
  guest_end: "End it",
  guest_command_code: "Exit code {code}",
  guest_command_signal: "Ended by signal {signal}",
  guest_command_ended: "Yado ended it ({why})",
  guest_command_lost: "It was ended; its last output is not known.",
  guest_files: "Files",
  guest_path: "Path in the guest",
  guest_file_give: "Put a file there",
  guest_file_put: "{name} is in the guest",
  guest_files_text: "Up to 1 GiB, some MiB a second. A file takes the place of a former one when all of it is there.",
  guest_tools_right: "You may not act inside this guest (vm.guest).",
  guest_tools_without: "The guest's agent does not answer: install and start qemu-guest-agent in the guest.",
};
