// What a guest that stands still waits for, with the answers as buttons.
import { For, Show, type JSX } from "solid-js";
import { ask, get, may } from "../api/http";
import { reading } from "../api/read";
import type { Task, Vm, VmQuestion } from "../api/types";
import { t } from "../i18n";
import { size } from "../i18n/units";
import { askYes } from "./ask";
import { ErrorBox } from "./errors";
import { follow, tellFailed } from "./toasts";

async function answer(guest: Pick<Vm, "id" | "name">, word: "retry" | "stop"): Promise<Task | undefined> {
  const title = `${t(word === "retry" ? "question_retry" : "action_stop")}: ${guest.name}`;
  if (word === "stop" && !(await askYes({ title, text: t("confirm_power"), verb: t("action_stop"), danger: true }))) return undefined;
  try {
    const begun = await ask<{ task: number }>("POST", `/vms/${guest.id}/answer`, { body: { answer: word }, key: crypto.randomUUID() });
    return await follow(begun.body.task, title);
  } catch (error) {
    tellFailed(title, error);
    return undefined;
  }
}

export function Question(props: { vm: Vm }): JSX.Element {
  // Asked anew whenever the guest has changed: what is free on its storage is in no event.
  const question = reading(() => `/vms/${props.vm.id}/question`, (path) => get<VmQuestion>(path), { changes: () => props.vm.status.since });
  return (
    <section class="card" role="alert">
      <header><h2 class="state long bad">{t("question_title")}</h2></header>
      <ErrorBox error={question.error} />
      <ul class="plain-list">
        <For each={question.value?.disks}>
          {(one) => <li>{t(one.problem === "no-space" ? "question_full" : "question_failed", { disk: one.disk, storage: one.storage, free: one.free === null || one.free === undefined ? "–" : size(one.free) })}</li>}
        </For>
      </ul>
      <p class="quiet small">{t("question_kept")}</p>
      <Show when={may("vm.power", `/vms/${props.vm.id}`)}>
        <div class="line">
          <button class="main-action" onClick={() => void answer(props.vm, "retry")}>{t("question_retry")}</button>
          <button class="danger" onClick={() => void answer(props.vm, "stop")}>{t("action_stop")}</button>
          <button onClick={() => question.again()}>{t("question_look")}</button>
        </div>
      </Show>
    </section>
  );
}
