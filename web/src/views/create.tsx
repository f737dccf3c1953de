// A new guest in at most three steps: from what, how big, and the plan.
import { A, useNavigate, useSearchParams } from "@solidjs/router";
import { createEffect, createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { may } from "../api/http";
import { live } from "../api/live";
import { tableOf } from "../api/read";
import { withField, type Document } from "../api/schema";
import { t } from "../i18n";
import { size } from "../i18n/units";
import { act, actions } from "../ui/actions";
import { ChangeDialog, type Change } from "../ui/change";
import { Form, showInvalid } from "../ui/form";
import { SizeInput } from "../ui/inputs";
import { ended } from "../ui/toasts";

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
  let named = false; // by hand: that name stays with another source
  const choose = (next: Source) => {
    const nameFor = (wanted: string) => (named ? document().name : freeName(wanted));
    const image = next.kind === "empty" ? undefined : live.image.get(next.name);
    const memory = image?.memory ?? 1024 ** 3;
    if (next.kind === "image") setDocument({ name: nameFor(next.name), image: next.name, memory, cpu: { cores: 1 }, disks: {}, nics: { nic0: {} } });
    else if (next.kind === "iso") setDocument({ name: nameFor(next.name), memory: Math.max(memory, 2 * 1024 ** 3), cpu: { cores: 2 }, disks: { disk0: { size: 32 * 1024 ** 3 } }, cdroms: { cd0: { image: next.name } }, nics: { nic0: {} } });
    else setDocument({ name: nameFor("guest"), memory, cpu: { cores: 1 }, disks: { disk0: { size: 8 * 1024 ** 3 } }, nics: { nic0: {} } });
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
  const plan = (event: Event) => {
    event.preventDefault();
    const name = String(document().name);
    setChange({ title: t("create_of", { name }), method: "POST", path: "/vms", body: rest(document()), command: "vm create", words: [name], table: table(), verb: start() ? t("create_and_start") : t("create") });
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
        <h2>{t("create_from")}</h2>
        <div class="fields">
          <For each={images()}>{(image) => <Choice source={{ kind: "image", name: image.name }} title={image.name} text={image.description || size(image.size)} />}</For>
          <For each={isos()}>{(image) => <Choice source={{ kind: "iso", name: image.name }} title={`${image.name} (ISO)`} text={image.description || size(image.size)} />}</For>
          <Choice source={{ kind: "empty" }} title={t("create_empty")} text={t("create_empty_text")} />
        </div>
        <Show when={!images().length && !isos().length}><p class="quiet">{t("no_images")}<Show when={may("image.manage", "/images")}> <A href="/images?do=build">{t("build_image")}</A> · <A href="/images">{t("upload_file")}</A></Show></p></Show>
      </section>
      <Show when={source()}>
        <form class="card" ref={(form) => form.addEventListener("invalid", showInvalid, true)} onSubmit={plan}>
          <h2>{t("create_size")}</h2>
          <div class="fields">
            <label class="field"><span>{t("col_name")}</span><input required value={String(document().name ?? "")} maxLength={63} onInput={(event) => (set(["name"], event.currentTarget.value), (named = event.currentTarget.value !== ""))} /></label>
            <label class="field"><span>{t("col_cpus")}</span><input type="number" required min="1" max="128" value={Number((document().cpu as Document).cores)} onInput={(event) => event.currentTarget.validity.valid && set(["cpu", "cores"], event.currentTarget.valueAsNumber)} /></label>
            <label class="field"><span>{t("memory")}</span><SizeInput required value={Number(document().memory)} set={(bytes) => bytes && set(["memory"], bytes)} /></label>
            <Show when={(document().disks as Document).disk0}>
              {(disk) => <label class="field"><span>{t("disk")}</span><SizeInput required value={Number((disk() as Document).size)} set={(bytes) => bytes && set(["disks", "disk0", "size"], bytes)} /></label>}
            </Show>
          </div>
          <label class="check"><input type="checkbox" checked={start()} onChange={(event) => setStart(event.currentTarget.checked)} />{t("create_start")}</label>
          <Show when={table()}>
            {(fields) => (
              <details>
                <summary>{t("all_settings")}</summary>
                <div class="padded">
                  <Form table={fields()} value={document()} base={{}} set={set} creating hide={["status", "name", "memory", "image", "kernel", "cpu.cores"]} suggest={{ "disks.storage": live.storage.all().map((one) => one.name), "cdroms.image": isos().map((one) => one.name), "disks.image": images().map((one) => one.name) }} />
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
