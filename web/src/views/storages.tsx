import { createResource, For, Show, type JSX } from "solid-js";
import { get } from "../api/http";
import { live } from "../api/live";
import type { List, Storage } from "../api/types";
import { t } from "../i18n";
import { size } from "../i18n/units";
import { Meter } from "../ui/state";

export function Storages(): JSX.Element {
  const [storages] = createResource(() => (live.storage.all(), live.vm.map.size), () => get<List<Storage>>("/storages"));
  return (
    <>
      <h1>{t("storages")}</h1>
      <div class="columns">
        <For each={storages.latest?.items}>
          {(storage) => (
            <section class="card">
              <header><h2><bdi>{storage.name}</bdi></h2><span class={`state ${storage.usable ? "good" : "bad"}`}>{t(storage.usable ? "usable" : "unusable")}</span></header>
              <Show when={storage.space}>
                {(space) => <><Meter label={storage.name} part={1 - space().free / space().total} level={space().free / space().total < 0.1 ? "bad" : undefined} /><span class="quiet small">{t("free_of", { free: size(space().free), total: size(space().total) })}</span></>}
              </Show>
              <dl class="facts"><dt>{t("kind")}</dt><dd>{storage.kind}</dd><dt>{t("path")}</dt><dd class="mono">{storage.path}</dd></dl>
              <Show when={storage.description}><p><bdi>{storage.description}</bdi></p></Show>
            </section>
          )}
        </For>
      </div>
    </>
  );
}
