// A guest whose file systems are frozen: until when, and the way out of it.
import { Show, type JSX } from "solid-js";
import { ask, may } from "../api/http";
import type { Vm } from "../api/types";
import { t } from "../i18n";
import { when } from "../i18n/units";
import { follow, tellFailed } from "./toasts";

// What the agent does as a task.
export async function agentTask(vm: Pick<Vm, "id" | "name">, what: "freeze" | "thaw" | "trim"): Promise<void> {
  try {
    const answer = await ask<{ task: number }>("POST", `/vms/${vm.id}/guest/${what}`);
    await follow(answer.body.task, `${t(`guest_${what}`)}: ${vm.name}`);
  } catch (error) {
    tellFailed(t(`guest_${what}`), error);
  }
}

export function Frozen(props: { vm: Vm; until: string }): JSX.Element {
  return (
    <div class="box warn stack" role="status">
      <span>{t("guest_frozen", { until: when(props.until) })}</span>
      <Show when={may("vm.guest", `/vms/${props.vm.id}`)}><div><button onClick={() => void agentTask(props.vm, "thaw")}>{t("guest_thaw")}</button></div></Show>
    </div>
  );
}
