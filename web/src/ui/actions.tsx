// What can be done to a guest: one table for the buttons, the menus, the selection and the palette.
import { ask } from "../api/http";
import type { VmRow, VmState } from "../api/types";
import { t, type Key } from "../i18n";
import type { IconName } from "./icons";
import { askYes } from "./ask";
import { follow, tellFailed } from "./toasts";

export interface Action {
  name: "start" | "shutdown" | "reboot" | "pause" | "resume" | "reset" | "stop";
  icon?: IconName;
  from: readonly VmState[];
  danger?: boolean; // asks first: what the guest has not written is lost
}

export const actions: readonly Action[] = [
  { name: "start", icon: "start", from: ["stopped"] },
  { name: "shutdown", icon: "shutdown", from: ["running", "paused", "panicked"] },
  { name: "reboot", from: ["running", "panicked"] },
  { name: "pause", icon: "pause", from: ["running"] },
  { name: "resume", icon: "start", from: ["paused"] },
  { name: "reset", from: ["running", "paused", "panicked"], danger: true },
  { name: "stop", icon: "stop", from: ["running", "paused", "panicked", "starting", "stopping", "unknown"], danger: true },
];

export const actionTitle = (action: Action) => t(`action_${action.name}` as Key);
export const can = (action: Action, row: Pick<VmRow, "state">) => action.from.includes(row.state);

export interface Outcome {
  guest: string;
  error?: unknown;
}

// Begins it for each and follows the tasks; the answers say for which it could not be begun, or failed.
export async function act(action: Action, guests: readonly Pick<VmRow, "id" | "name">[], body?: unknown): Promise<Outcome[]> {
  const what = guests.map((guest) => guest.name).slice(0, 10).join(", ") + (guests.length > 10 ? " …" : "");
  if (action.danger && !(await askYes({ title: `${actionTitle(action)}: ${what}`, text: t("confirm_power"), verb: actionTitle(action), danger: true }))) return [];
  return Promise.all(
    guests.map(async (guest): Promise<Outcome> => {
      const title = `${actionTitle(action)}: ${guest.name}`;
      try {
        const answer = await ask<{ task: number }>("POST", `/vms/${guest.id}/${action.name}`, { body, key: crypto.randomUUID() });
        const task = await follow(answer.body.task, title);
        return { guest: guest.name, error: task.state === "done" ? undefined : (task.error?.message ?? task.state) };
      } catch (error) {
        if (guests.length === 1) tellFailed(title, error);
        return { guest: guest.name, error };
      }
    }),
  );
}
