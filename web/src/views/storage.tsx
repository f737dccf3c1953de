// One storage: its space, and the volumes on it. A volume that no guest has any more can be deleted here.
import { A, useNavigate, useParams } from "@solidjs/router";
import { createSignal, For, Show, type JSX } from "solid-js";
import { get, getAll, may } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { Document } from "../api/schema";
import type { Storage, Volume } from "../api/types";
import { t } from "../i18n";
import { size } from "../i18n/units";
import { ChangeDialog, deletion, type Change } from "../ui/change";
import { Editor } from "../ui/editor";
import { ErrorBox } from "../ui/errors";
import { Space } from "../ui/space";

export function StorageView(): JSX.Element {
  const params = useParams<{ storage: string }>();
  const navigate = useNavigate();
  const path = () => `/storages/${encodeURIComponent(params.storage)}`;
  const changes = () => (live.storage.count(), live.vm.count());
  const storage = reading(path, (of) => get<Storage>(of), { changes });
  const volumes = reading(() => `${path()}/volumes`, (of) => getAll<Volume>(of), { changes });
  const [editing, setEditing] = createSignal(false);
  const [change, setChange] = createSignal<{ what: Change; after: () => void }>();
  const manage = () => may("storage.manage", path());
  const changed = () => (storage.again(), volumes.again());
  return (
    <>
      <ErrorBox error={storage.error} />
      <Show when={storage.value}>
        {(found) => (
          <>
            <div class="heading">
              <h1><bdi>{found().name}</bdi></h1>
              <span class={`state ${found().usable ? "good" : "bad"}`}>{t(found().usable ? "usable" : "unusable")}</span>
              <Show when={manage()}>
                <div class="actions">
                  <button onClick={() => setEditing(true)}>{t("edit")}</button>
                  <button class="danger" onClick={() => setChange({ what: { ...deletion("storage", path(), found().name), title: t("forget_of", { name: found().name }), verb: t("forget") }, after: () => navigate("/storages") })}>{t("forget")}</button>
                </div>
              </Show>
            </div>
            <section class="card">
              <Space storage={found()} />
              <dl class="facts"><dt>{t("kind")}</dt><dd>{t("storage_dir")}</dd><dt>{t("path")}</dt><dd class="mono">{found().path}</dd><dt>{t("node")}</dt><dd>{found().node}</dd></dl>
              <Show when={found().description}><p class="text"><bdi>{found().description}</bdi></p></Show>
            </section>
            <section class="card scroll-x">
              <h2>{t("volumes")}</h2>
              <ErrorBox error={volumes.error} />
              <table class="table">
                <thead><tr><th>{t("col_name")}</th><th>{t("format")}</th><th class="number">{t("size")}</th><th>{t("guest_of")}</th><th>{t("state")}</th><th /></tr></thead>
                <tbody>
                  <For each={volumes.value} fallback={<tr><td colspan="6" class="quiet">{volumes.loading ? t("loading") : t("no_volumes")}</td></tr>}>
                    {(volume) => (
                      <tr>
                        <td class="mono nowrap">{volume.name}</td>
                        <td>{volume.format}</td>
                        <td class="number">{size(volume.size)}</td>
                        <td><Show when={volume.vm} fallback="–">{(vm) => <A href={`/guests/${vm()}`}><bdi>{live.vm.get(vm())?.name ?? vm()}</bdi></A>}</Show></td>
                        <td><span class={`state ${volume.attached ? "good" : "off"}`}>{t(volume.attached ? "attached" : "detached")}</span></td>
                        <td class="number"><Show when={manage() && !volume.attached}><button class="danger" onClick={() => setChange({ what: { ...deletion("storage", `${path()}/volumes/${encodeURIComponent(volume.name)}`, found().name, volume.name), command: "storage delete-volume", words: [found().name, volume.name] }, after: changed })}>{t("delete")}</button></Show></td>
                      </tr>
                    )}
                  </For>
                </tbody>
              </table>
            </section>
            <Show when={editing()}><Editor table="storage" title={t("change_of", { name: found().name })} base={found() as unknown as Document} path={path()} command="storage" close={() => setEditing(false)} done={changed} /></Show>
          </>
        )}
      </Show>
      <Show when={change()} keyed>{(one) => <ChangeDialog change={one.what} close={() => setChange(undefined)} done={one.after} />}</Show>
    </>
  );
}
