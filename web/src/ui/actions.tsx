// What can be done to a guest: one table for the buttons, the menus, the selection and the palette.
import { ask } from "../api/http";
import { live } from "../api/live";
import type { Task, VmRow, VmState } from "../api/types";
import { t, type Key } from "../i18n";
import { count } from "../i18n/units";
import type { IconName } from "./icons";
import { askYes } from "./ask";
import { ended, follow, followAll, tellFailed } from "./toasts";

export interface Action {
  name: "start" | "shutdown" | "reboot" | "pause" | "resume" | "reset" | "stop";
  icon?: IconName;
  from: readonly VmState[];
  meanwhile?: VmState; // shown at once, until the daemon says what is
  danger?: boolean; // asks first: what the guest has not written is lost
}

export const actions: readonly Action[] = [
  { name: "start", icon: "start", from: ["stopped"], meanwhile: "starting" },
  { name: "shutdown", icon: "shutdown", from: ["running"], meanwhile: "stopping" },
  { name: "reboot", from: ["running", "paused", "panicked"] },
  { name: "pause", icon: "pause", from: ["running"] },
  { name: "resume", icon: "start", from: ["paused"] },
  { name: "reset", from: ["running", "paused", "panicked"], danger: true },
  { name: "stop", icon: "stop", from: ["running", "paused", "panicked", "starting", "stopping", "unknown"], danger: true },
];

export const actionTitle = (action: Action) => t(`action_${action.name}` as Key);
export const can = (action: Action, row: Pick<VmRow, "state">) => action.from.includes(row.state);

// Whether it stands still until somebody answers (ui/question.tsx).
export const asksSomething = (guest: Pick<VmRow, "state" | "reason_code">) => guest.state === "paused" && ["no-space", "io-error"].includes(guest.reason_code);

const NAMED = 4;

export interface Outcome {
  guest: string;
  error?: unknown;
}

// Begins it for each and follows the tasks; the answers say for which it could not be begun, or failed.
export async function act(action: Action, guests: readonly Pick<VmRow, "id" | "name">[], body?: unknown): Promise<Outcome[]> {
  const what = guests.map((guest) => guest.name).slice(0, NAMED).join(", ") + (guests.length > NAMED ? ` … (${count(guests.length)})` : "");
  if (action.danger && !(await askYes({ title: `${actionTitle(action)}: ${what}`, text: t("confirm_power"), verb: actionTitle(action), danger: true }))) return [];
  const begin = async (guest: Pick<VmRow, "id" | "name">, watch: (task: number, title: string) => Promise<Task>): Promise<Outcome> => {
    const title = `${actionTitle(action)}: ${guest.name}`;
    const row = live.vm.get(guest.id);
    const shown = row && action.meanwhile && { ...row, state: action.meanwhile };
    if (shown) live.vm.put(String(guest.id), shown);
    try {
      const answer = await ask<{ task: number }>("POST", `/vms/${guest.id}/${action.name}`, { body, key: crypto.randomUUID() });
      const task = await watch(answer.body.task, title);
      return { guest: guest.name, error: task.state === "done" ? undefined : (task.error?.message ?? t(`task_${task.state}` as Key)) };
    } catch (error) {
      if (shown && live.vm.get(guest.id) === shown) live.vm.put(String(guest.id), row);
      if (guests.length === 1) tellFailed(title, error);
      return { guest: guest.name, error };
    }
  };
  if (guests.length === 1) return [await begin(guests[0]!, follow)];
  return followAll(`${actionTitle(action)}: ${what}`, guests.length, (step) =>
    Promise.all(guests.map((guest) => begin(guest, ended).finally(step))),
  );
}
