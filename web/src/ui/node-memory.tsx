// How guests share the node's memory: the setting, and what there is of huge pages and merged ones.
import { createMemo, createSignal, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { reading, tableOf } from "../api/read";
import { mergePatch, withField, type Document } from "../api/schema";
import type { NodeMemory } from "../api/types";
import { t } from "../i18n";
import { count, size } from "../i18n/units";
import { ChangeDialog, type Change } from "./change";
import { ErrorBox } from "./errors";
import { Form } from "./form";

export function NodeMemoryCard(): JSX.Element {
  const table = tableOf("node-memory");
  const memory = reading(() => "/nodes/self/memory", (path) => get<NodeMemory>(path));
  const [draft, setDraft] = createSignal<Document>();
  const [change, setChange] = createSignal<Change>();
  const base = () => (memory.value ?? {}) as Document;
  const value = () => draft() ?? base();
  const patch = createMemo(() => mergePatch(base(), value()) as Document | undefined);
  const pages = (of?: { free: number; total: number } | null) => (of?.total ? t("pages_free", { free: count(of.free), total: count(of.total) }) : t("pages_none"));
  return (
    <section class="card">
      <header><h2>{t("node_memory")}</h2></header>
      <ErrorBox error={memory.error} />
      <Show when={memory.value}>
        {(found) => (
          <dl class="facts">
            <dt>KSM</dt><dd>{t(`ksm_${found().ksm_state}`)}<Show when={found().ksm_saved}>{(saved) => <> · {t("ksm_saves", { size: size(saved()) })}</>}</Show></dd>
            <dt>{t("huge_pages")} 2 MiB</dt><dd>{pages(found().hugepages_2m)}</dd>
            <dt>{t("huge_pages")} 1 GiB</dt><dd>{pages(found().hugepages_1g)}</dd>
          </dl>
        )}
      </Show>
      <Show when={memory.value && may("node.manage", "/nodes") && table()}>
        {(fields) => (
          <>
            <Form table={fields()} value={value()} base={base()} creating={false} set={(path, next) => setDraft(withField(value(), path, next))} />
            <div class="line">
              <button class="main-action" disabled={!patch()} onClick={() => setChange({ title: t("node_memory"), method: "PATCH", path: "/nodes/self/memory", body: patch(), command: "node memory", table: fields() })}>{t("show_plan")}</button>
              <button disabled={!patch()} onClick={() => setDraft(undefined)}>{t("undo")}</button>
            </div>
          </>
        )}
      </Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => (setDraft(undefined), memory.again())} />}</Show>
    </section>
  );
}
