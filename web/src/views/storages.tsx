// Where disks are kept: all storages, and the way to one more.
import { A, useSearchParams } from "@solidjs/router";
import { For, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { List, Storage } from "../api/types";
import { t } from "../i18n";
import { Editor } from "../ui/editor";
import { ErrorBox } from "../ui/errors";
import { Space } from "../ui/space";

export function Storages(): JSX.Element {
  const [params, setParams] = useSearchParams<{ do?: string }>();
  // Read again when guests or storages have changed: the space is in no event.
  const storages = reading(() => "/storages", (path) => get<List<Storage>>(path), { changes: () => (live.storage.count(), live.vm.count()) });
  return (
    <>
      <div class="heading">
        <h1>{t("storages")}</h1>
        <Show when={may("storage.manage", "/storages")}><div class="actions"><button class="main-action" onClick={() => setParams({ do: "create" })}>{t("create_storage")}</button></div></Show>
      </div>
      <ErrorBox error={storages.error} />
      <div class="columns">
        <For each={storages.value?.items}>
          {(storage) => (
            <section class="card">
              <header><h2><A href={`/storages/${encodeURIComponent(storage.name)}`}><bdi>{storage.name}</bdi></A></h2><span class={`state ${storage.usable ? "good" : "bad"}`}>{t(storage.usable ? "usable" : "unusable")}</span></header>
              <Space storage={storage} />
              <dl class="facts"><dt>{t("kind")}</dt><dd>{t("storage_dir")}</dd><dt>{t("path")}</dt><dd class="mono">{storage.path}</dd></dl>
              <Show when={storage.description}><p class="quiet"><bdi>{storage.description}</bdi></p></Show>
            </section>
          )}
        </For>
      </div>
      <Show when={params.do === "create" && may("storage.manage", "/storages")}><Editor table="storage" title={t("create_storage")} path="/storages" command="storage" close={() => setParams({ do: undefined })} done={() => storages.again()} /></Show>
    </>
  );
}
