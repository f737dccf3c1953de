// The rules for passwords and sessions.
import { createMemo, createSignal, Show, type JSX } from "solid-js";
import { get, may } from "../../api/http";
import { reading, tableOf } from "../../api/read";
import { mergePatch, withField, type Document } from "../../api/schema";
import type { AccessSettings } from "../../api/types";
import { t } from "../../i18n";
import { ChangeDialog, type Change } from "../../ui/change";
import { ErrorBox } from "../../ui/errors";
import { Form } from "../../ui/form";

export function Settings(): JSX.Element {
  const table = tableOf("access-settings");
  const settings = reading(() => "/settings/access", (path) => get<AccessSettings>(path));
  const [draft, setDraft] = createSignal<Document>();
  const [change, setChange] = createSignal<Change>();
  const base = () => (settings.value ?? {}) as Document;
  const value = () => draft() ?? base();
  const patch = createMemo(() => mergePatch(base(), value()) as Document | undefined);
  return (
    <section class="card">
      <ErrorBox error={settings.error} />
      <Show when={settings.value && table()}>
        {(fields) => (
          <>
            <fieldset disabled={!may("access.manage")}><Form table={fields()} value={value()} base={base()} creating={false} set={(path, next) => setDraft(withField(value(), path, next))} /></fieldset>
            <Show when={may("access.manage")}>
              <div class="line">
                <button class="main-action" disabled={!patch()} onClick={() => setChange({ title: t("access_settings"), method: "PATCH", path: "/settings/access", body: patch(), command: "access set", table: fields() })}>{t("show_plan")}</button>
                <button disabled={!patch()} onClick={() => setDraft(undefined)}>{t("undo")}</button>
              </div>
            </Show>
          </>
        )}
      </Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => (setDraft(undefined), settings.again())} />}</Show>
    </section>
  );
}
