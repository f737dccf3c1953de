// One image: what it is, its files, and the guests that were made from it.
import { A, useNavigate, useParams } from "@solidjs/router";
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { live } from "../api/live";
import { reading, tableOf } from "../api/read";
import { valueForPeople, type Document } from "../api/schema";
import type { Image } from "../api/types";
import { t, type Key } from "../i18n";
import { when } from "../i18n/units";
import { ChangeDialog, deletion, type Change } from "../ui/change";
import { Editor } from "../ui/editor";
import { ErrorBox } from "../ui/errors";
import { systems } from "../ui/systems";

const shown: [keyof Image, Key][] = [["os", "system"], ["kind", "kind"], ["format", "format"], ["size", "size"], ["memory", "memory"], ["recipe", "recipe"], ["created", "created"], ["build", "image_build"], ["digest", "digest"], ["append", "kernel_line"], ["description", "description"]];
const machineText = new Set<keyof Image>(["build", "digest", "append"]);

export function ImageView(): JSX.Element {
  const params = useParams<{ image: string }>();
  const navigate = useNavigate();
  const path = () => `/images/${encodeURIComponent(params.image)}`;
  const table = tableOf("image");
  const image = reading(path, (of) => get<Image>(of), { changes: createMemo(() => live.image.get(params.image)) });
  const [change, setChange] = createSignal<Change>();
  const [editing, setEditing] = createSignal(false);
  const all = systems();
  const files = (of: Image) => [
    { name: of.kind === "iso" ? "ISO" : t("file_disk"), of: "disk" },
    ...(of.kind === "system" ? [{ name: t("file_kernel"), of: "kernel" }, { name: t("file_kernel_efi"), of: "kernel-efi" }, { name: t("file_initrd"), of: "initrd" }] : []),
  ];
  return (
    <>
      <ErrorBox error={image.error} />
      <Show when={image.value}>
        {(found) => (
          <>
            <div class="heading">
              <h1><bdi>{found().name}</bdi></h1>
              <div class="actions">
                <Show when={may("vm.create", "/vms")}><A class="button main-action" href={`/guests/new?image=${encodeURIComponent(found().name)}`}>{t("guest_from_it")}</A></Show>
                <Show when={may("image.manage", path())}><button onClick={() => setEditing(true)}>{t("edit")}</button><button class="danger" onClick={() => setChange(deletion("image", path(), found().name))}>{t("delete")}</button></Show>
              </div>
            </div>
            <Show when={editing()}><Editor table="image" title={t("change_of", { name: found().name })} base={found() as unknown as Document} path={path()} command="image" suggest={{ os: [...all().map((one) => one.name), "virtio-win"] }} close={() => setEditing(false)} done={() => image.again()} /></Show>
            <div class="columns">
              <section class="card">
                <dl class="facts">
                  <For each={shown.filter(([name]) => found()[name] !== undefined && found()[name] !== null && found()[name] !== "")}>
                    {([name, title]) => <><dt>{t(title)}</dt><dd class={machineText.has(name) ? "mono" : ""}><bdi>{name === "created" ? when(found().created) : valueForPeople(table()?.properties?.[name], found()[name])}</bdi></dd></>}
                  </For>
                </dl>
              </section>
              <section class="card">
                <h2>{t("download")}</h2>
                <div class="line"><For each={files(found())}>{(file) => <a class="button" href={`/api/v1${path()}/${file.of}`} download="">{file.name}</a>}</For></div>
              </section>
            </div>
          </>
        )}
      </Show>
      <Show when={change()} keyed>{(one) => <ChangeDialog change={one} close={() => setChange(undefined)} done={() => navigate("/images")} />}</Show>
    </>
  );
}
