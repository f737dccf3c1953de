// Commits of the configuration as a time line: who changed what, what it was before, and the way back.
import { A } from "@solidjs/router";
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { reading, tableOf } from "../api/read";
import { fieldAt, nameAt, valueForPeople, type Document, type Field } from "../api/schema";
import type { Commit } from "../api/types";
import { t, type Key } from "../i18n";
import { ago, dayOf, timeOf, when } from "../i18n/units";
import { ChangeDialog, type Change } from "./change";
import { now } from "./clock";
import { Dialog } from "./dialog";
import { ErrorBox } from "./errors";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { objectName, objectPlace } from "./object";

const restorable = (path: string) => path.startsWith("vm/") || path.startsWith("storage/") || path.startsWith("mapping/");
const SHORT = 6; // changes that are shown without being asked

function DocumentThen(props: { rev: number; path: string; close: () => void }): JSX.Element {
  const document = reading(() => `/history/${props.rev}/${props.path}`, (path) => get<unknown>(path));
  return (
    <Dialog title={t("document_then", { name: objectName(props.path), rev: props.rev })} class="wide" close={props.close}>
      <ErrorBox error={document.error} />
      <pre class="log" tabindex="0">{document.value === undefined ? (document.error ? "" : t("loading")) : JSON.stringify(document.value, null, 2)}</pre>
    </Dialog>
  );
}

function Changes(props: { commit: Commit; table?: Field }): JSX.Element {
  return (
    <ul class="differences small">
      <For each={props.commit.changes}>
        {(one) => {
          const field = () => fieldAt(props.table, one.path);
          return (
            <li title={one.path}>
              <span class="quiet">{nameAt(props.table, one.path)}:</span> <Show when={one.before !== undefined && one.before !== null}><span class="before">{valueForPeople(field(), one.before)}</span> → </Show>{valueForPeople(field(), one.after)}
            </li>
          );
        }}
      </For>
    </ul>
  );
}

function OneCommit(props: { commit: Commit; table?: Field; restore: (change: Change) => void; look: (commit: Commit) => void }): JSX.Element {
  const commit = () => props.commit;
  const name = () => objectName(commit().path);
  const back = (prefix: string): Change => {
    const title = t(prefix ? "restore_of" : "restore_all", { path: name(), rev: commit().rev });
    return { title, method: "POST", path: "/history/restore", body: (prefix ? { rev: commit().rev, prefix } : { rev: commit().rev }) as Document, command: "history restore", words: [String(commit().rev), ...(prefix ? [prefix] : [])], verb: t("restore") };
  };
  return (
    <li class={`moment ${commit().action}`}>
      <div class="line">
        <span class="quiet small number" title={when(commit().at)}>{timeOf(commit().at)}</span>
        <strong><Show when={objectPlace(commit().path)} fallback={<bdi>{name()}</bdi>}>{(path) => <A class="ink" href={path()}><bdi>{name()}</bdi></A>}</Show></strong>
        <span class="tag">{t(`history_${commit().action}` as Key)}</span>
        <span class="quiet small">{commit().author} · {ago(commit().at, now())} · {t("revision", { rev: commit().rev })}</span>
        <span class="line to-end">
          <Show when={may("history.restore") && restorable(commit().path)}><button class="small" onClick={() => props.restore(back(commit().path))}>{t("restore_this")}</button></Show>
          <Menu name={`${t("more_actions")}: ${commit().rev}`} label={<Icon name="more" />}>
            <button onClick={() => props.look(commit())}>{t("document")}</button>
            <Show when={may("history.restore")}><button onClick={() => props.restore(back(""))}>{t("restore_everything")}</button></Show>
          </Menu>
        </span>
      </div>
      <Show when={commit().changes?.length}>
        <Show when={commit().changes!.length > SHORT} fallback={<Changes commit={commit()} table={props.table} />}>
          <details>
            <summary class="small">{t("changes", { count: commit().changes!.length })}</summary>
            <Changes commit={commit()} table={props.table} />
          </details>
        </Show>
      </Show>
    </li>
  );
}

export function HistoryList(props: { commits?: readonly Commit[]; restored?: () => void }): JSX.Element {
  const [change, setChange] = createSignal<Change>();
  const [looking, setLooking] = createSignal<Commit>(); // which may leave the list meanwhile
  const tables: Record<string, () => Field | undefined> = { vm: tableOf("vm"), storage: tableOf("storage"), mapping: tableOf("mapping") };
  const days = createMemo(() => {
    const found = new Map<string, Commit[]>();
    for (const commit of props.commits ?? []) found.set(dayOf(commit.at), [...(found.get(dayOf(commit.at)) ?? []), commit]);
    return found;
  });
  return (
    <>
      <For each={[...days().keys()]} fallback={<p class="quiet">{props.commits ? t("history_empty") : t("loading")}</p>}>
        {(day) => (
          <section class="card">
            <h2>{day}</h2>
            <ol class="timeline"><For each={days().get(day)}>{(commit) => <OneCommit commit={commit} table={tables[commit.path.split("/")[0]!]?.()} restore={setChange} look={setLooking} />}</For></ol>
          </section>
        )}
      </For>
      <Show when={looking()} keyed>{(commit) => <DocumentThen rev={commit.rev} path={commit.path} close={() => setLooking(undefined)} />}</Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => props.restored?.()} />}</Show>
    </>
  );
}
