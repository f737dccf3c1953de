// States of guests and tasks: a colour, a shape and a word.
import type { JSX } from "solid-js";
import type { Task, VmState } from "../api/types";
import { t, type Key } from "../i18n";

const guests: Record<VmState, string> = {
  running: "good", starting: "busy", stopping: "busy", paused: "warn", panicked: "bad", unknown: "warn", stopped: "off",
};
const tasks: Record<Task["state"], string> = { queued: "off", running: "busy", done: "good", failed: "bad", cancelled: "warn" };

// The class of a guest's state in page.css.
export const stateLook = (state: VmState): string => guests[state];

export function VmStateText(props: { state: VmState }): JSX.Element {
  return <span class={`state ${guests[props.state]}`}>{t(`state_${props.state}` as Key)}</span>;
}

export function TaskStateText(props: { state: Task["state"] }): JSX.Element {
  return <span class={`state ${tasks[props.state]}`}>{t(`task_${props.state}` as Key)}</span>;
}

export function Meter(props: { part?: number; level?: "warn" | "bad"; label: string }): JSX.Element {
  return (
    <div
      class={`meter ${props.level ?? ""} ${props.part === undefined ? "waits" : ""}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow={props.part === undefined ? undefined : Math.round(props.part * 100)}
    >
      <i style={props.part === undefined ? undefined : { width: `${Math.min(100, props.part * 100)}%` }} />
    </div>
  );
}
