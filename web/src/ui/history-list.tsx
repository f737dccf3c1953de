// Commits of the configuration, each with what it changed and the way back to it.
import { A } from "@solidjs/router";
import { createSignal, For, Show, type JSX } from "solid-js";
import { may } from "../api/http";
import { live } from "../api/live";
import type { Commit } from "../api/types";
import { t } from "../i18n";
import { ago, when } from "../i18n/units";
import { ChangeDialog, type Change } from "./change";
import { now } from "./clock";

const shown = (value: unknown) => (value === undefined || value === null ? "–" : typeof value === "string" ? value || "“”" : JSON.stringify(value));

export function HistoryList(props: { commits?: readonly Commit[]; restored?: () => void }): JSX.Element {
  const [change, setChange] = createSignal<Change>();
  const link = (path: string) => (path.startsWith("vm/") ? `/guests/${path.slice(3)}` : undefined);
  return (
    <div class="stack">
      <For each={props.commits} fallback={<p class="quiet">{props.commits ? t("history_empty") : t("loading")}</p>}>
        {(commit) => (
          <section class="card">
            <header>
              <h3>
                <span class="mono">{commit.rev}</span> · <Show when={link(commit.path)} fallback={commit.path}>{(path) => <A href={path()}>{live.vm.get(commit.path.slice(3))?.name ?? commit.path}</A>}</Show> · {commit.action}
              </h3>
              <span class="quiet small" title={when(commit.at)}>{commit.author} · {ago(commit.at, now())}</span>
            </header>
            <Show when={commit.changes?.length}>
              <details open={commit.changes!.length <= 6}>
                <summary class="small">{t("changes", { count: commit.changes!.length })}</summary>
                <div class="scroll-x">
                  <table class="table"><tbody>
                    <For each={commit.changes}>{(one) => <tr><td><code>{one.path}</code></td><td class="before">{shown(one.before)}</td><td>{shown(one.after)}</td></tr>}</For>
                  </tbody></table>
                </div>
              </details>
            </Show>
            <Show when={may("history.restore") && (commit.path.startsWith("vm/") || commit.path.startsWith("storage/"))}>
              <div><button onClick={() => setChange({ title: t("restore_of", { path: commit.path, rev: commit.rev }), method: "POST", path: "/history/restore", body: { rev: commit.rev, prefix: commit.path }, command: "history restore", words: [String(commit.rev), commit.path], verb: t("restore") })}>{t("restore_here")}</button></div>
            </Show>
          </section>
        )}
      </For>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={() => props.restored?.()} />}</Show>
    </div>
  );
}
