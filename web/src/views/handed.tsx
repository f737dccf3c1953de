// What a guest is handed at its first boot beyond its fields: user-data, a password, an installer's answers. What was
// given is never shown again; what is made of the fields is.
import { createSignal, For, Show, type JSX } from "solid-js";
import { ask, get, may } from "../api/http";
import { reading } from "../api/read";
import type { Handed as HandedFiles, Vm } from "../api/types";
import { t } from "../i18n";
import { size, when } from "../i18n/units";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";
import { tellDone } from "../ui/toasts";

type What = "user-data" | "cloud-init-password" | "answers";
const titles = { "user-data": "handed_user_data", "cloud-init-password": "handed_password", answers: "handed_answers" } as const;
const kinds = { kickstart: "Kickstart (Red Hat, Fedora)", autounattend: "autounattend.xml (Windows)", preseed: "Preseed (Debian)" };
const buses = ["sata", "virtio-scsi"];

function Giving(props: { vm: Vm; what: What; close: () => void; done: () => void }): JSX.Element {
  const [content, setContent] = createSignal("");
  const [failed, setFailed] = createSignal<unknown>();
  let repeated: HTMLInputElement | undefined;
  let kind: HTMLSelectElement | undefined;
  let bus: HTMLSelectElement | undefined;
  const password = props.what === "cloud-init-password";
  const take = async (file: File | undefined) => file && setContent(await file.text());
  const give = async (event: Event) => {
    event.preventDefault();
    if (password && content() !== repeated!.value) return setFailed(new Error(t("password_differs")));
    const body = password ? { password: content() } : props.what === "answers" ? { kind: kind!.value, bus: bus!.value, content: content() } : { content: content() };
    try {
      await ask("POST", `/vms/${props.vm.id}/${props.what}`, { body });
      tellDone(t("change_of", { name: props.vm.name }));
      props.done();
      props.close();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog title={t(titles[props.what])} class={password ? "narrow" : "wide"} firm={content() !== ""} close={props.close}>
      <form class="stack" onSubmit={(event) => void give(event)}>
        <Show when={props.what === "answers"}>
          <label class="field"><span>{t("handed_installer")}</span><select ref={kind}><For each={Object.entries(kinds)}>{([value, name]) => <option value={value}>{name}</option>}</For></select></label>
          <label class="field"><span>{t("handed_bus")}</span><select ref={bus}><For each={buses}>{(value) => <option value={value}>{value}</option>}</For></select></label>
        </Show>
        <Show
          when={password}
          fallback={
            <>
              <label class="field"><span>{t("handed_content")}</span><textarea class="mono" rows="14" spellcheck={false} required value={content()} onInput={(event) => setContent(event.currentTarget.value)} /></label>
              <label class="field"><span>{t("handed_file")}</span><input type="file" onChange={(event) => void take(event.currentTarget.files?.[0])} /></label>
            </>
          }
        >
          <label class="field"><span>{t("password_new")}</span><input type="password" autocomplete="new-password" required maxLength={120} onInput={(event) => setContent(event.currentTarget.value)} /></label>
          <label class="field"><span>{t("password_repeat")}</span><input ref={repeated} type="password" autocomplete="new-password" required /></label>
        </Show>
        <p class="quiet small">{t("handed_kept")}</p>
        <ErrorBox error={failed()} />
        <div class="buttons"><button type="button" onClick={() => props.close()}>{t("cancel")}</button><button class="main-action">{t("apply")}</button></div>
      </form>
    </Dialog>
  );
}

function Preview(props: { vm: Vm; close: () => void }): JSX.Element {
  const handed = reading(() => `/vms/${props.vm.id}/handed`, (path) => get<HandedFiles>(path));
  return (
    <Dialog title={t("handed_preview")} class="wide" close={props.close}>
      <ErrorBox error={handed.error} />
      <For each={handed.value?.files} fallback={<p class="quiet">{handed.loading ? t("loading") : t("handed_nothing")}</p>}>
        {(file) => (
          <section class="stack">
            <h3 class="mono">{file.drive}/{file.name} <span class="quiet small">{size(file.size)}</span></h3>
            <Show when={file.content} fallback={<p class="quiet small">{t("handed_as_given")} <code>{file.sha256}</code></p>}>
              {(content) => <pre tabindex="0">{content()}</pre>}
            </Show>
          </section>
        )}
      </For>
      <Show when={handed.value?.boot_line}>{(line) => <section class="stack"><p>{t("handed_boot_line")}</p><pre tabindex="0">{line()}</pre></section>}</Show>
    </Dialog>
  );
}

export function Handed(props: { vm: Vm; changed: () => void }): JSX.Element {
  const [giving, setGiving] = createSignal<What>();
  const [shown, setShown] = createSignal(false);
  const [failed, setFailed] = createSignal<unknown>();
  const allowed = () => may("vm.configure", `/vms/${props.vm.id}`);
  const present: Record<What, () => string | null | undefined> = {
    "user-data": () => props.vm.cloud_init?.user_data && `${size(props.vm.cloud_init.user_data.size)} · SHA-256 ${props.vm.cloud_init.user_data.sha256.slice(0, 12)}…`,
    "cloud-init-password": () => (props.vm.cloud_init?.password_set ? when(props.vm.cloud_init.password_set) : undefined),
    answers: () => props.vm.answers && `${kinds[props.vm.answers.kind]} · ${size(props.vm.answers.size)} · ${props.vm.answers.bus}`,
  };
  const remove = async (what: What) => {
    setFailed(undefined);
    try {
      await ask("DELETE", `/vms/${props.vm.id}/${what}`);
      tellDone(t("change_of", { name: props.vm.name }));
      props.changed();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <section class="card">
      <header><h2>{t("handed")}</h2><button type="button" onClick={() => setShown(true)}>{t("handed_preview")}</button></header>
      <dl class="facts">
        <For each={Object.keys(titles) as What[]}>
          {(what) => (
            <>
              <dt>{t(titles[what])}</dt>
              <dd class="line">
                <span>{present[what]() ?? "–"}</span>
                <button type="button" class="small" disabled={!allowed()} aria-label={`${t("handed_give")} ${t(titles[what])}`} onClick={() => setGiving(what)}>{t("handed_give")}</button>
                <Show when={present[what]()}><button type="button" class="small danger" disabled={!allowed()} aria-label={`${t("remove")} ${t(titles[what])}`} onClick={() => void remove(what)}>{t("remove")}</button></Show>
              </dd>
            </>
          )}
        </For>
      </dl>
      <ErrorBox error={failed()} />
      <Show when={giving()} keyed>{(what) => <Giving vm={props.vm} what={what} close={() => setGiving(undefined)} done={props.changed} />}</Show>
      <Show when={shown()}><Preview vm={props.vm} close={() => setShown(false)} /></Show>
    </section>
  );
}
