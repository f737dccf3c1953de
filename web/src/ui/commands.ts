// Every command of `yado` and where the page does the same. The list comes from the command's own tables when the page is
// built (api/commands.ts): a command that is not named here does not compile.
import { commands } from "../api/commands";
import { may } from "../api/http";
import { live } from "../api/live";
import { either } from "../i18n";
import { act, actions, can, type Action } from "./actions";

type Name = (typeof commands)[number]["name"];

// An object that a command can be done to.
export interface Target {
  name: string;
  path?: string; // where the page does it
  act?: () => void; // or what it does at once
}

// `to`: the view. `of`: the objects that it asks for first. `shell`: only a shell has a use for it.
type Entry = { to: string; allowed?: () => boolean } | { of: () => Target[] } | "shell";

const guests = (tab: string) => ({ of: () => live.vm.all().map((guest) => ({ name: guest.name, path: `/guests/${guest.id}/${tab}` })) });
const power = (name: Action["name"]): Entry => {
  const action = actions.find((one) => one.name === name)!;
  return { of: () => live.vm.all().filter((guest) => can(action, guest)).map((guest) => ({ name: guest.name, act: () => void act(action, [guest]) })) };
};
const named = (all: () => { name: string }[], path: string): Entry => ({ of: () => all().map((one) => ({ name: one.name, path: `${path}/${encodeURIComponent(one.name)}` })) });
const storages = named(() => live.storage.all(), "/storages");
const images = named(() => live.image.all(), "/images");
const tasks: Entry = { of: () => live.task.all().map((task) => ({ name: `${task.id} ${task.kind} ${task.object}`, path: `/tasks/${task.id}` })) };
const users: Entry = { to: "/access/users", allowed: () => may("access.read") };
const roles: Entry = { to: "/access/roles", allowed: () => may("access.read") };
const audit: Entry = { to: "/access/audit", allowed: () => may("audit.read") };
const history: Entry = { to: "/history", allowed: () => may("history.read") };
const settings: Entry = { to: "/access/settings", allowed: () => may("access.read") };
const mappings: Entry = { to: "/node", allowed: () => may("mapping.read", "/mappings") };
const node: Entry = { to: "/node", allowed: () => may("node.read", "/nodes") };
const presets: Entry = { to: "/guests/new", allowed: () => may("vm.create", "/vms") };
const manageImages = () => may("image.manage", "/images");

const entries: Record<Name, Entry> = {
  "vm list": { to: "/guests" },
  "vm show": guests("summary"),
  "vm create": { to: "/guests/new", allowed: () => may("vm.create", "/vms") },
  "vm set": guests("hardware"),
  "vm delete": guests("summary"),
  "vm start": power("start"),
  "vm shutdown": power("shutdown"),
  "vm stop": power("stop"),
  "vm reset": power("reset"),
  "vm reboot": power("reboot"),
  "vm pause": power("pause"),
  "vm resume": power("resume"),
  "vm question": guests("summary"),
  "vm answer": guests("summary"),
  "vm firmware-setup": guests("summary"),
  "vm upgrade-hardware": guests("hardware"),
  "vm stats": guests("summary"),
  "vm user-data": guests("hardware"),
  "vm cloud-init-password": guests("hardware"),
  "vm answers": guests("hardware"),
  "vm handed": guests("hardware"),
  "vm renew-identity": guests("summary"),
  "vm console": guests("console"),
  "vm vnc": guests("console"),
  "vm exec": guests("tools"),
  "vm get-file": guests("tools"),
  "vm put-file": guests("tools"),
  "vm guest-info": guests("tools"),
  "vm filesystems": guests("tools"),
  "vm set-password": guests("tools"),
  "vm sync-time": guests("tools"),
  "vm freeze": guests("tools"),
  "vm thaw": guests("tools"),
  "vm trim": guests("tools"),
  "image list": { to: "/images" },
  "image show": images,
  "image build": { to: "/images?do=build", allowed: manageImages },
  "image recipes": { to: "/images?do=build", allowed: manageImages },
  "image import": { to: "/images", allowed: manageImages },
  "image export": images,
  "image set": images,
  "image delete": images,
  "preset list": presets,
  "preset show": presets,
  "storage list": { to: "/storages", allowed: () => may("storage.read", "/storages") },
  "storage show": storages,
  "storage volumes": storages,
  "storage create": { to: "/storages?do=create", allowed: () => may("storage.manage", "/storages") },
  "storage set": storages,
  "storage delete": storages,
  "storage delete-volume": storages,
  "mapping list": mappings,
  "mapping show": mappings,
  "mapping create": mappings,
  "mapping set": mappings,
  "mapping delete": mappings,
  "task list": { to: "/tasks" },
  "task show": tasks,
  "task log": tasks,
  "task wait": tasks,
  "task cancel": tasks,
  "node list": node,
  "node show": node,
  "node devices": node,
  "node stats": node,
  "node cpu-features": node,
  "node baseline": node,
  "node memory": node,
  "node shutdown-guests": node,
  "history list": history,
  "history show": history,
  "history diff": history,
  "history restore": history,
  "user list": users,
  "user show": users,
  "user create": users,
  "user set": users,
  "user delete": users,
  "user password": { to: "/access" },
  "role list": roles,
  "role show": roles,
  "role create": roles,
  "role set": roles,
  "role delete": roles,
  "role privileges": roles,
  "token list": { to: "/access/tokens" },
  "token create": { to: "/access/tokens" },
  "token delete": { to: "/access/tokens" },
  "session list": { to: "/access/sessions" },
  "session revoke": { to: "/access/sessions" },
  "access show": settings,
  "access set": settings,
  "audit list": audit,
  "audit verify": audit,
  "remote list": "shell",
  "remote show": "shell",
  "remote add": "shell",
  "remote use": "shell",
  "remote trust": "shell",
  "remote remove": "shell",
  console: guests("console"),
  vnc: guests("console"),
  events: "shell",
  doctor: node,
  "support-bundle": node,
  whoami: { to: "/access/me" },
  help: "shell",
  version: node,
  completion: "shell",
};

export interface PageCommand {
  title: string;
  command: string;
  to?: string;
  of?: () => Target[];
}

// Those that somebody with these rights has a use for.
export function pageCommands(): PageCommand[] {
  return commands.flatMap((command): PageCommand[] => {
    const entry = entries[command.name];
    if (entry === "shell" || ("to" in entry && entry.allowed?.() === false)) return [];
    const help = either(command.help, command.help_ja).split(/[;；]/)[0]!;
    return [{ title: help.charAt(0).toUpperCase() + help.slice(1), command: `yado ${command.name}`, ...entry }];
  });
}
