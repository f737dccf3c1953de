// What guests are made from: files that were brought in, and what is built from recipes.
import { createResource, createSignal, For, Show, type JSX } from "solid-js";
import { ask, get, may } from "../api/http";
import { live, ready } from "../api/live";
import { schema, type Document } from "../api/schema";
import type { List, Recipe } from "../api/types";
import { upload, type Progress } from "../api/upload";
import { either, t } from "../i18n";
import { size, when } from "../i18n/units";
import { ChangeDialog, type Change } from "../ui/change";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";
import { Form } from "../ui/form";
import { Meter } from "../ui/state";
import { follow } from "../ui/toasts";

function Upload(props: { file: File; close: () => void }): JSX.Element {
  const stem = props.file.name.replace(/\.[^.]+$/, "").toLowerCase().replace(/[^a-z0-9_.-]+/g, "-").slice(0, 63);
  const ending = props.file.name.split(".").pop()?.toLowerCase() ?? "";
  const formats = ["iso", "qcow2", "raw", "vmdk", "vdi", "vhdx"];
  const [name, setName] = createSignal(stem);
  const [format, setFormat] = createSignal(formats.includes(ending) ? ending : ending === "img" ? "raw" : "iso");
  const [progress, setProgress] = createSignal<Progress>();
  const [failed, setFailed] = createSignal<unknown>();
  const stop = new AbortController();
  const [table] = createResource(() => schema("image-import"));
  const begin = async () => {
    setFailed(undefined);
    setProgress({ sent: 0, total: props.file.size });
    try {
      const id = await upload(props.file, setProgress, stop.signal);
      const { body } = await ask<{ task: number }>("POST", "/images", { body: { name: name(), format: format(), upload: id }, key: crypto.randomUUID() });
      void follow(body.task, t("import_of", { name: name() }));
      props.close();
    } catch (error) {
      setProgress(undefined);
      if (!stop.signal.aborted) setFailed(error);
    }
  };
  return (
    <Dialog title={t("upload_of", { name: props.file.name })} close={() => (stop.abort(), props.close())}>
      <div class="fields">
        <label class="field"><span>{t("col_name")}</span><input value={name()} disabled={!!progress()} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label class="field"><span>{t("format")}</span>
          <select value={format()} disabled={!!progress()} onChange={(event) => setFormat(event.currentTarget.value)}>
            <For each={table()?.properties?.format?.enum ?? formats}>{(one) => <option>{one}</option>}</For>
          </select>
        </label>
      </div>
      <p class="quiet">{size(props.file.size)}</p>
      <Show when={progress()}>
        {(state) => <div class="stack"><Meter label={props.file.name} part={state().sent / state().total} /><span class="small quiet">{t("used_of", { used: size(state().sent), total: size(state().total) })}</span></div>}
      </Show>
      <ErrorBox error={failed()} />
      <div class="buttons">
        <button onClick={() => (stop.abort(), props.close())}>{t("cancel")}</button>
        <button class="main-action" disabled={!!progress() || !name()} onClick={() => void begin()}>{t("upload")}</button>
      </div>
    </Dialog>
  );
}

function Build(props: { close: () => void }): JSX.Element {
  const [table] = createResource(() => schema("image-build"));
  const [recipes] = createResource(() => get<List<Recipe>>("/recipes"));
  const [recipe, setRecipe] = createSignal<Recipe>();
  const [value, setValue] = createSignal<Document>({});
  const [change, setChange] = createSignal<Change>();
  const takes = () => new Set(["name", ...((recipe()?.takes as readonly string[] | undefined) ?? []), ...((recipe()?.needs as readonly string[] | undefined) ?? [])]);
  const hidden = () => Object.keys(table()?.properties ?? {}).filter((name) => !takes().has(name));
  const body = () => ({ recipe: recipe()!.name, ...value() });
  return (
    <Show when={!change()} fallback={<ChangeDialog change={change()!} close={props.close} />}>
      <Dialog title={t("build_image")} close={props.close}>
        <For each={recipes()?.items}>
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
          <button onClick={() => props.close()}>{t("cancel")}</button>
          <button class="main-action" disabled={!recipe()} onClick={() => setChange({ title: t("build_of", { name: String(value().name ?? recipe()!.name) }), method: "POST", path: "/images/build", body: body(), command: "image build", words: [recipe()!.name], table: table(), verb: t("build") })}>{t("show_plan")}</button>
        </div>
      </Dialog>
    </Show>
  );
}

export function Images(): JSX.Element {
  const [file, setFile] = createSignal<File>();
  const [building, setBuilding] = createSignal(false);
  const [change, setChange] = createSignal<Change>();
  const [over, setOver] = createSignal(false);
  const manage = () => may("image.manage", "/images");
  const images = () => live.image.all().sort((a, b) => a.name.localeCompare(b.name));
  let picker!: HTMLInputElement;
  return (
    <div
      class={`stack grows ${over() ? "drop" : ""}`}
      onDragOver={(event) => manage() && (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => (event.preventDefault(), setOver(false), manage() && setFile(event.dataTransfer?.files[0]))}
    >
      <div class="heading">
        <h1>{t("images")}</h1>
        <Show when={manage()}>
          <div class="actions">
            <input ref={picker} type="file" hidden onChange={(event) => (setFile(event.currentTarget.files?.[0]), (event.currentTarget.value = ""))} />
            <button onClick={() => picker.click()}>{t("upload_file")}</button>
            <button class="main-action" onClick={() => setBuilding(true)}>{t("build_image")}</button>
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
                    <td><strong><bdi>{image.name}</bdi></strong></td>
                    <td class="nowrap">{image.kind} · {image.format}</td>
                    <td class="number">{size(image.size)}</td>
                    <td class="quiet nowrap">{when(image.created)}</td>
                    <td class="quiet"><bdi>{image.description}</bdi></td>
                    <td class="number">
                      <a class="button" href={`/api/v1/images/${encodeURIComponent(image.name)}/disk`} download="">{t("download")}</a>{" "}
                      <Show when={may("image.manage", `/images/${image.name}`)}>
                        <button class="danger" onClick={() => setChange({ title: t("delete_of", { name: image.name }), method: "DELETE", path: `/images/${encodeURIComponent(image.name)}`, command: "image delete", words: [image.name], danger: true, verb: t("delete") })}>{t("delete")}</button>
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
      <Show when={file()} keyed>{(one) => <Upload file={one} close={() => setFile(undefined)} />}</Show>
      <Show when={building()}><Build close={() => setBuilding(false)} /></Show>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} />}</Show>
    </div>
  );
}
