// A change, shown before it is made: what would be different, what waits for a restart, what else happens, what stands in
// the way. Applied, it is refused if somebody else has changed the object since the plan was made.
import { createSignal, For, Show, type JSX } from "solid-js";
import { ApiError, ask, plan } from "../api/http";
import { reading } from "../api/read";
import { commandLine, curlLine, fieldAt, nameAt, valueForPeople, type Document, type Field } from "../api/schema";
import type { Plan } from "../api/types";
import { either, t } from "../i18n";
import { Dialog } from "./dialog";
import { ErrorBox, Refusal } from "./errors";
import { SameAsCommand } from "./same";
import { follow, tellDone } from "./toasts";

export interface Change {
  title: string;
  method: "POST" | "PATCH" | "DELETE";
  path: string;
  body?: Document;
  command: string; // of yado, without its flags
  words?: string[];
  table?: Field;
  danger?: boolean;
  verb?: string; // what the button says
  changes?: boolean; // is nothing without a field that changes
}

// What is deleted, by the command's usual words.
export function deletion(command: string, path: string, word: string, name = word): Change {
  return { title: t("delete_of", { name }), method: "DELETE", path, command: `${command} delete`, words: [word], danger: true, verb: t("delete") };
}

// `changed`: what is there already, which has a past even where all that changes was not said before.
export function PlanView(props: { plan: Plan; table?: Field; changed?: boolean }): JSX.Element {
  const isEmpty = (value: unknown) => value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
  const anew = () => !props.changed && props.plan.changes.every((change) => change.before === undefined || change.before === null); // what is made has no past
  return (
    <div class="stack">
      <Show when={props.plan.chosen?.length}>
        <div class="scroll-x">
          <h3>{t("plan_chosen")}</h3>
          <table class="table plan">
            <thead><tr><th>{t("plan_field")}</th><th>{t("plan_value")}</th><th>{t("plan_why")}</th></tr></thead>
            <tbody>
              <For each={props.plan.chosen}>
                {(choice) => (
                  <tr>
                    <td title={choice.field}>{nameAt(props.table, choice.field)}</td>
                    <td>{valueForPeople(fieldAt(props.table, choice.field), choice.value)}</td>
                    <td class="words">{either(choice.why, choice.why_ja)}</td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
      </Show>
      <Show when={props.plan.changes.length}>
        <div class="scroll-x">
          <Show when={props.plan.chosen?.length}><h3>{t("plan_whole")}</h3></Show>
          <table class="table plan">
            <thead>
              <tr><th>{t("plan_field")}</th><Show when={!anew()}><th>{t("plan_before")}</th></Show><th>{t(anew() ? "plan_value" : "plan_after")}</th><Show when={!anew()}><th>{t("plan_when")}</th></Show></tr>
            </thead>
            <tbody>
              <For each={props.plan.changes.filter((change) => !(anew() && isEmpty(change.after)))}>
                {(change) => (
                  <tr>
                    <td title={change.path}>{nameAt(props.table, change.path)}</td>
                    <Show when={!anew()}><td class="before">{valueForPeople(fieldAt(props.table, change.path), change.before)}</td></Show>
                    <td>{valueForPeople(fieldAt(props.table, change.path), change.after)}</td>
                    <Show when={!anew()}><td><span class={`state ${change.when === "now" ? "good" : "warn"}`}>{t(change.when === "now" ? "plan_now" : "plan_restart")}</span></td></Show>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
      </Show>
      <Show when={props.plan.effects.length}>
        <ul><For each={props.plan.effects}>{(effect, index) => <li>{either(effect, props.plan.effects_ja?.[index()])}</li>}</For></ul>
      </Show>
      <For each={props.plan.refused}>
        {(refusal) => <Refusal code={refusal.code} of={refusal.field && nameAt(props.table, refusal.field)} message={refusal.message} hint={refusal.hint} />}
      </For>
      <Show when={!props.plan.changes.length && !props.plan.effects.length && !props.plan.refused.length}>
        <p class="quiet">{t("plan_nothing")}</p>
      </Show>
    </div>
  );
}

export function ChangeDialog(props: { change: Change; close: () => void; done?: (answer: Document) => void }): JSX.Element {
  const change = props.change;
  const made = reading(() => change.path, (path) => plan(change.method, path, change.body));
  const [failed, setFailed] = createSignal<unknown>();
  const [busy, setBusy] = createSignal(false);
  const key = crypto.randomUUID();
  const apply = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      const rev = change.method === "POST" ? undefined : made.value?.rev;
      const answer = await ask<Document>(change.method, change.path, { body: change.body, rev: rev || undefined, key: change.method === "POST" ? key : undefined });
      if (answer.status === 202) void follow(answer.body.task as number, change.title);
      else tellDone(t("toast_done", { title: change.title }));
      props.done?.(answer.body);
      props.close();
    } catch (error) {
      if (error instanceof ApiError && error.code === "stale") {
        setFailed(new ApiError(error.status, error.code, error.message, error.field, t("plan_anew")));
        made.again();
      } else setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={change.title} close={props.close}>
      <Show when={made.value} fallback={<Show when={made.error} fallback={<p class="quiet">{t("plan_making")}</p>}><ErrorBox error={made.error} /></Show>}>
        {(found) => <PlanView plan={found()} table={change.table} changed={change.method === "PATCH"} />}
      </Show>
      <ErrorBox error={failed()} />
      <SameAsCommand
        command={commandLine(change.command, change.words ?? [], change.table, change.body)}
        curl={curlLine(change.method, change.path, change.body)}
      />
      <div class="buttons">
        <button onClick={() => props.close()}>{t("cancel")}</button>
        <button
          class={`main-action ${change.danger ? "danger" : ""}`}
          disabled={busy() || made.loading || !made.value || made.value.refused.length > 0 || (change.changes && !made.value.changes.length)}
          onClick={() => void apply()}
        >
          {change.verb ?? t("apply")}
        </button>
      </div>
    </Dialog>
  );
}
