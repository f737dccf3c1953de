// A new guest in at most four steps: for which system, from what, how big, and the plan.
import { A, useNavigate, useSearchParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { get, may } from "../api/http";
import { live } from "../api/live";
import { reading, tableOf } from "../api/read";
import { withField, type Document } from "../api/schema";
import type { Preset } from "../api/types";
import { t } from "../i18n";
import { shortSize, size } from "../i18n/units";
import { act, actions } from "../ui/actions";
import { ChangeDialog, type Change } from "../ui/change";
import { Form } from "../ui/form";
import { SizeInput } from "../ui/inputs";
import { SystemPicker, systems, titleOfSystem } from "../ui/systems";
import { ended } from "../ui/toasts";
import { vmPicks } from "../ui/vm-picks";

type Source = { kind: "image" | "iso"; name: string } | { kind: "empty" };

export function CreateGuest(): JSX.Element {
  const navigate = useNavigate();
  const table = tableOf("vm");
  const [source, setSource] = createSignal<Source>();
  const [document, setDocument] = createSignal<Document>({});
  const [start, setStart] = createSignal(true);
  const [change, setChange] = createSignal<Change>();
  const images = createMemo(() => live.image.all().filter((image) => image.kind !== "iso"));
  const isos = createMemo(() => live.image.all().filter((image) => image.kind === "iso"));
  const freeName = (wanted: string) => {
    const taken = new Set(live.vm.all().map((vm) => vm.name));
    if (!taken.has(wanted)) return wanted;
    let number = 2;
    while (taken.has(`${wanted}-${number}`)) number++;
    return `${wanted}-${number}`;
  };
  // The system is said here, or by the image. What its preset recommends is left to it, unless something else is typed.
  const all = systems();
  const [system, setSystem] = createSignal<string>();
  const image = createMemo(() => {
    const from = source();
    return !from || from.kind === "empty" ? undefined : live.image.get(from.name);
  });
  const preset = createMemo(() => all().find((one) => one.name === (system() ?? image()?.os)));
  const details = reading(() => preset() && `/presets/${encodeURIComponent(preset()!.name)}`, (path) => get<Preset>(path));
  const recommended = (field: string) => (preset() && details.value?.settings?.find((one) => one.field === field)?.value) as number | undefined;
  // What the preset has for a field; the key of an entry is any.
  const usual = (path: readonly string[]) => preset() && details.value?.settings?.find((one) => one.field === path.join(".") || one.field === [path[0], "*", ...path.slice(2)].join("."))?.value;
  const fresh = () => source()?.kind === "iso";
  const memory = () => image()?.memory || recommended("memory") || (fresh() ? 2 : 1) * 1024 ** 3;
  const cores = () => recommended("cpu.cores") || (fresh() ? 2 : 1);
  const disk = () => recommended("disks.*.size") || (fresh() ? 32 : 8) * 1024 ** 3;
  let named = false; // by hand: that name stays with another source
  const choose = (next: Source) => {
    const nameFor = (wanted: string) => (named ? document().name : freeName(wanted));
    const kept = document().os ? { os: document().os } : {};
    if (next.kind === "image") setDocument({ name: nameFor(next.name), ...kept, image: next.name, disks: {}, nics: { nic0: {} } });
    else if (next.kind === "iso") setDocument({ name: nameFor(next.name), ...kept, disks: { disk0: {} }, cdroms: { cd0: { image: next.name } }, nics: { nic0: {} } });
    else setDocument({ name: nameFor("guest"), ...kept, disks: { disk0: {} }, nics: { nic0: {} } });
    setSource(next);
  };
  // Somebody who comes from an image wants a guest of it.
  const [params] = useSearchParams<{ image?: string }>();
  createEffect(() => {
    const image = params.image === undefined ? undefined : live.image.get(params.image);
    if (image && !source()) choose({ kind: image.kind === "iso" ? "iso" : "image", name: image.name });
  });
  const same = (one: Source) => JSON.stringify(one) === JSON.stringify(source());
  const set = (path: string[], value: unknown) => setDocument(withField(document(), path, value));
  const chooseSystem = (name: string | undefined) => (setSystem(name), set(["os"], name));
  // Where no preset decides, an installer gets what the form has shown.
  const body = () => {
    const wanted = rest(document());
    if (preset() || !fresh()) return wanted;
    const { disk0 } = (wanted.disks ?? {}) as Record<string, Document>;
    return { memory: memory(), ...wanted, cpu: { cores: cores(), ...(wanted.cpu as Document) }, ...(disk0 && { disks: { ...(wanted.disks as Document), disk0: { size: disk(), ...disk0 } } }) };
  };
  const plan = (event: Event) => {
    event.preventDefault();
    const name = String(document().name);
    setChange({ title: t("create_of", { name }), method: "POST", path: "/vms", body: body(), command: "vm create", words: [name], table: table(), verb: start() ? t("create_and_start") : t("create") });
  };
  const made = async (answer: Document) => {
    const id = answer.id as number;
    const name = String(document().name);
    navigate(`/guests/${id}${start() ? "/console" : ""}`);
    if (!start()) return;
    const task = await ended(answer.task as number);
    if (task.state === "done") await act(actions.find((action) => action.name === "start")!, [{ id, name }]);
  };
  const Choice = (props: { source: Source; title: string; text: string }) => (
    <button class={`choice ${same(props.source) ? "chosen" : ""}`} aria-pressed={same(props.source)} onClick={() => same(props.source) || choose(props.source)}>
      <strong>{props.title}</strong>
      <span class="small quiet">{props.text}</span>
    </button>
  );
  return (
    <>
      <h1>{t("create_guest")}</h1>
      <section class="card">
        <h2>{t("create_system")}</h2>
        <SystemPicker all={all()} value={system()} set={chooseSystem} none={image()?.os && !system() && preset() ? t("system_of_image", { system: titleOfSystem(preset()!) }) : t("system_none")} />
      </section>
      <section class="card">
        <h2>{t("create_from")}</h2>
        <div class="fields">
          <For each={images()}>{(image) => <Choice source={{ kind: "image", name: image.name }} title={image.name} text={image.description || size(image.size)} />}</For>
          <For each={isos()}>{(image) => <Choice source={{ kind: "iso", name: image.name }} title={`${image.name} (ISO)`} text={image.description || size(image.size)} />}</For>
          <Choice source={{ kind: "empty" }} title={t("create_empty")} text={t("create_empty_text")} />
        </div>
        <Show when={!images().length && !isos().length}><p class="quiet">{t("no_images")}<Show when={may("image.manage", "/images")}> <A href="/images?do=build">{t("build_image")}</A> · <A href="/images">{t("upload_file")}</A></Show></p></Show>
      </section>
      <Show when={source()}>
        <form class="card" onSubmit={plan}>
          <h2>{t("create_size")}</h2>
          <div class="fields">
            <label class="field"><span>{t("col_name")}</span><input required value={String(document().name ?? "")} maxLength={63} onInput={(event) => (set(["name"], event.currentTarget.value), (named = event.currentTarget.value !== ""))} /></label>
            <label class="field"><span>{t("col_cpus")}</span><input type="number" min="1" max="128" value={String((document().cpu as Document | undefined)?.cores ?? "")} placeholder={String(cores())} onInput={(event) => event.currentTarget.validity.valid && set(["cpu", "cores"], event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber)} /></label>
            <label class="field"><span>{t("memory")}</span><SizeInput value={document().memory as number | undefined} placeholder={shortSize(memory())} set={(bytes) => set(["memory"], bytes)} /></label>
            <Show when={(document().disks as Document).disk0}>
              {(disk0) => <label class="field"><span>{t("disk")}</span><SizeInput value={(disk0() as Document).size as number | undefined} placeholder={shortSize(disk())} set={(bytes) => set(["disks", "disk0", "size"], bytes)} /></label>}
            </Show>
          </div>
          <label class="check"><input type="checkbox" checked={start()} onChange={(event) => setStart(event.currentTarget.checked)} />{t("create_start")}</label>
          <Show when={table()}>
            {(fields) => (
              <details>
                <summary>{t("all_settings")}</summary>
                <div class="padded">
                  <Form table={fields()} value={document()} base={{}} set={set} creating usual={usual} hide={["status", "os", "name", "memory", "image", "kernel", "cpu.cores"]} picks={vmPicks()} />
                </div>
              </details>
            )}
          </Show>
          <div><button class="main-action">{t("show_plan")}</button></div>
        </form>
      </Show>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={(answer) => void made(answer)} />}</Show>
    </>
  );
}

// Without empty maps, which say nothing.
function rest(document: Document): Document {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => !(typeof value === "object" && value !== null && !Array.isArray(value) && !Object.keys(value).length)));
}
