// What guests are made from: files that were brought in, and what is built from recipes.
import { A, useSearchParams } from "@solidjs/router";
import { createSignal, For, Show, type JSX } from "solid-js";
import { ApiError, ask, get, may } from "../api/http";
import { live, ready } from "../api/live";
import { reading, tableOf } from "../api/read";
import { commandLine, uploadLines, type Document } from "../api/schema";
import type { List, Recipe, Upload } from "../api/types";
import { upload, type Progress } from "../api/upload";
import { either, t } from "../i18n";
import { percent, size, when } from "../i18n/units";
import { ChangeDialog, deletion, type Change } from "../ui/change";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";
import { Form } from "../ui/form";
import { SameAsCommand } from "../ui/same";
import { Meter } from "../ui/state";
import { SystemPicker, systems } from "../ui/systems";
import { follow, tellFailed } from "../ui/toasts";

function UploadDialog(props: { file: File; begun?: Upload; close: () => void }): JSX.Element {
  const stem = props.file.name.replace(/\.[^.]+$/, "").toLowerCase().replace(/[^a-z0-9_.-]+/g, "-").slice(0, 63);
  const ending = props.file.name.split(".").pop()?.toLowerCase() ?? "";
  const formats = ["iso", "qcow2", "raw", "vmdk", "vdi", "vhdx"];
  const [name, setName] = createSignal(stem);
  const [format, setFormat] = createSignal(formats.includes(ending) ? ending : ending === "img" ? "raw" : "iso");
  const [os, setOs] = createSignal<string>();
  const all = systems();
  const document = (): Document => ({ name: name(), format: format(), ...(os() && { os: os() }) });
  const [progress, setProgress] = createSignal<Progress>();
  const [failed, setFailed] = createSignal<unknown>();
  const stop = new AbortController();
  let begun: Pick<Upload, "id" | "offset"> | undefined = props.begun; // what has arrived is not sent again
  // Rather now than after the last byte.
  const taken = () => (live.image.get(name()) ? new ApiError(409, "exists", t("image_exists", { name: name() })) : undefined);
  const table = tableOf("image-import");
  const begin = async () => {
    setFailed(taken());
    if (failed()) return;
    setProgress({ sent: begun?.offset ?? 0, total: props.file.size });
    try {
      const id = await upload(props.file, setProgress, stop.signal, begun, (known) => (begun = known));
      const { body } = await ask<{ task: number }>("POST", "/images", { body: { ...document(), upload: id }, key: crypto.randomUUID() });
      void follow(body.task, t("import_of", { name: name() }));
      props.close();
    } catch (error) {
      setProgress(undefined);
      if (!stop.signal.aborted) setFailed(error);
    }
  };
  return (
    <Dialog title={t("upload_of", { name: props.file.name })} firm={!!progress()} close={() => (stop.abort(), props.close())}>
      <div class="fields">
        <label class="field"><span>{t("col_name")}</span><input value={name()} disabled={!!progress()} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label class="field"><span>{t("format")}</span>
          <select value={format()} disabled={!!progress()} onChange={(event) => setFormat(event.currentTarget.value)}>
            <For each={table()?.properties?.format?.enum ?? formats}>{(one) => <option>{one}</option>}</For>
          </select>
        </label>
      </div>
      <Show when={!progress()}>
        <fieldset>
          <legend>{t("system")}</legend>
          <SystemPicker all={all()} value={os()} set={setOs} none={t("system_unknown")} more={{ "virtio-win": t("system_drivers") }} rows={6} />
        </fieldset>
      </Show>
      <p class="quiet">{size(props.file.size)}</p>
      <Show when={progress()}>
        {(state) => <div class="stack"><Meter label={props.file.name} part={state().sent / Math.max(1, state().total)} /><span class="small quiet">{t("used_of", { used: size(state().sent), total: size(state().total) })}</span></div>}
      </Show>
      <ErrorBox error={failed()} />
      <SameAsCommand command={commandLine("image import", [`./${props.file.name}`], table(), document())} curl={uploadLines(`./${props.file.name}`, props.file.size, document())} />
      <div class="buttons">
        <button onClick={() => (stop.abort(), props.close())}>{t("cancel")}</button>
        <button class="main-action" disabled={!!progress() || !name()} onClick={() => void begin()}>{t("upload")}</button>
      </div>
    </Dialog>
  );
}

function Build(props: { close: () => void }): JSX.Element {
  const table = tableOf("image-build");
  const recipes = reading(() => "/recipes", (path) => get<List<Recipe>>(path));
  const [recipe, setRecipe] = createSignal<Recipe>();
  const [value, setValue] = createSignal<Document>({});
  const [change, setChange] = createSignal<Change>();
  const takes = () => new Set(["name", ...((recipe()?.takes as readonly string[] | undefined) ?? []), ...((recipe()?.needs as readonly string[] | undefined) ?? [])]);
  const hidden = () => Object.keys(table()?.properties ?? {}).filter((name) => !takes().has(name));
  const plan = (event: Event) => {
    event.preventDefault();
    const { name } = recipe()!;
    setChange({ title: t("build_of", { name: String(value().name ?? name) }), method: "POST", path: "/images/build", body: { recipe: name, ...value() }, command: "image build", words: [name], table: table(), verb: t("build") });
  };
  return (
    <>
      <Dialog title={t("build_image")} firm={Object.keys(value()).length > 0} close={() => change() || props.close()}>
        <ErrorBox error={recipes.error} />
        <form class="stack" onSubmit={plan}>
          <For each={recipes.value?.items}>
            {(one) => (
              <label class="check">
                <input type="radio" name="recipe" checked={recipe()?.name === one.name} onChange={() => (setRecipe(() => one), setValue({}))} />
                <span><strong>{one.name}</strong> <span class="quiet small">{either(one.description, one.description_ja ?? undefined)}</span></span>
              </label>
            )}
          </For>
          <Show when={recipe() && table()}>
            {(fields) => <Form table={fields()} value={value()} base={{}} creating hide={hidden()} set={(path, next) => setValue((old) => {
              const { [path[0]!]: _, ...others } = old;
              return next === undefined || (Array.isArray(next) && !next.length) ? others : { ...others, [path[0]!]: next };
            })} />}
          </Show>
          <div class="buttons">
            <button type="button" onClick={() => props.close()}>{t("cancel")}</button>
            <button class="main-action" disabled={!recipe()}>{t("show_plan")}</button>
          </div>
        </form>
      </Dialog>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={props.close} />}</Show>
    </>
  );
}

export function Images(): JSX.Element {
  const [file, setFile] = createSignal<File>();
  const [params, setParams] = useSearchParams<{ do?: string }>();
  const [change, setChange] = createSignal<Change>();
  const [over, setOver] = createSignal(false);
  const manage = () => may("image.manage", "/images");
  const images = () => live.image.all().sort((a, b) => a.name.localeCompare(b.name));
  let picker!: HTMLInputElement;
  // What has been left half sent goes on with the same file.
  const left = reading(() => (manage() ? "/uploads" : undefined), (path) => get<List<Upload>>(path), { changes: () => live.image.count() });
  const [begun, setBegun] = createSignal<Upload>();
  const take = (chosen: File | undefined) => {
    if (chosen && begun() && chosen.size !== begun()!.size) tellFailed(t("go_on"), new Error(t("other_file", { size: size(begun()!.size as number) })));
    else setFile(chosen);
  };
  return (
    <div
      class={`stack grows ${over() ? "drop" : ""}`}
      onDragOver={(event) => manage() && (event.preventDefault(), setOver(true))}
      onDragLeave={(event) => event.currentTarget.contains(event.relatedTarget as globalThis.Node | null) || setOver(false)}
      onDrop={(event) => (event.preventDefault(), setOver(false), manage() && (setBegun(undefined), setFile(event.dataTransfer?.files[0])))}
    >
      <div class="heading">
        <h1>{t("images")}</h1>
        <Show when={manage()}>
          <div class="actions">
            <input ref={picker} type="file" hidden onChange={(event) => (take(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
            <button onClick={() => (setBegun(undefined), picker.click())}>{t("upload_file")}</button>
            <button class="main-action" onClick={() => setParams({ do: "build" })}>{t("build_image")}</button>
          </div>
        </Show>
      </div>
      <Show when={images().length} fallback={<Show when={ready()}><div class="empty"><p>{t("no_images")}</p><Show when={manage()}><p>{t("drop_here")}</p></Show></div></Show>}>
        <section class="card scroll-x">
          <table class="table">
            <thead><tr><th>{t("col_name")}</th><th>{t("kind")}</th><th class="number">{t("size")}</th><th>{t("created")}</th><th>{t("description")}</th><th /></tr></thead>
            <tbody>
              <For each={images()}>
                {(image) => (
                  <tr>
                    <td><A href={`/images/${encodeURIComponent(image.name)}`}><bdi>{image.name}</bdi></A></td>
                    <td class="nowrap">{image.kind} · {image.format}</td>
                    <td class="number">{size(image.size)}</td>
                    <td class="quiet nowrap">{when(image.created)}</td>
                    <td class="quiet words"><bdi>{image.description}</bdi></td>
                    <td class="number">
                      <a class="button" href={`/api/v1/images/${encodeURIComponent(image.name)}/disk`} download="">{t("download")}</a>{" "}
                      <Show when={may("image.manage", `/images/${image.name}`)}>
                        <button class="danger" onClick={() => setChange(deletion("image", `/images/${encodeURIComponent(image.name)}`, image.name))}>{t("delete")}</button>
                      </Show>
                    </td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </section>
        <Show when={manage()}><p class="quiet small">{t("drop_here")}</p></Show>
      </Show>
      <Show when={manage() && left.value?.items.length}>
        <section class="card scroll-x">
          <h2>{t("uploads_left")}</h2>
          <table class="table">
            <thead><tr><th>{t("begun")}</th><th>{t("user")}</th><th class="number">{t("size")}</th><th class="number">{t("arrived")}</th><th /></tr></thead>
            <tbody>
              <For each={left.value!.items}>
                {(one) => (
                  <tr>
                    <td class="nowrap">{when(one.created)}</td>
                    <td>{one.user}</td>
                    <td class="number">{size(one.size as number)}</td>
                    <td class="number">{percent(one.offset / Math.max(1, one.size as number))}</td>
                    <td class="number">
                      <button onClick={() => (setBegun(one), picker.click())}>{t("go_on")}</button>{" "}
                      <button class="danger" onClick={() => void ask("DELETE", `/uploads/${one.id}`).then(left.again, (error: unknown) => tellFailed(t("delete"), error))}>{t("delete")}</button>
                    </td>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </section>
      </Show>
      <Show when={file()} keyed>{(one) => <UploadDialog file={one} begun={begun()} close={() => (setFile(undefined), setBegun(undefined), left.again())} />}</Show>
      <Show when={manage() && params.do === "build"}><Build close={() => setParams({ do: undefined })} /></Show>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} />}</Show>
    </div>
  );
}
