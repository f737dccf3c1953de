// Who may do what to one object: what is granted on it, on what is above it, and by its tags; and the way to grant more.
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { getAll, may } from "../api/http";
import { live } from "../api/live";
import { reading, tableOf } from "../api/read";
import type { Document } from "../api/schema";
import type { User } from "../api/types";
import { t } from "../i18n";
import { ChangeDialog, type Change } from "./change";
import { Dialog } from "./dialog";
import { ErrorBox } from "./errors";

interface Grant {
  user: User;
  key: string;
  path: string;
  role: string;
}

export function Permissions(props: { path: string; name: string; tags?: readonly string[] }): JSX.Element {
  const users = reading(() => "/users", getAll<User>, { changes: () => live.user.count() });
  const table = tableOf("user");
  const [adding, setAdding] = createSignal(false);
  const [change, setChange] = createSignal<Change>();
  const reaches = (path: string) => path === "/" || path === props.path || props.path.startsWith(`${path}/`) || (props.tags ?? []).some((tag) => path === `/tags/${tag}`);
  const grants = createMemo(() =>
    (users.value ?? []).flatMap((user): Grant[] =>
      Object.entries((user.grants ?? {}) as Record<string, { path: string; role: string }>).filter(([, grant]) => reaches(grant.path)).map(([key, grant]) => ({ user, key, ...grant }))),
  );
  const privileges = (role: string) => (live.role.all().find((one) => one.name === role)?.privileges ?? []) as string[];
  const set = (user: string, key: string, grant: Document | null, title: string) =>
    setChange({ title, method: "PATCH", path: `/users/${encodeURIComponent(user)}`, body: { grants: { [key]: grant } }, command: "user set", words: [user], table: table(), danger: grant === null, verb: grant === null ? t("withdraw") : t("grant") });
  const free = (user: string) => {
    const taken = new Set(Object.keys((users.value?.find((one) => one.name === user)?.grants ?? {}) as object));
    let number = 0;
    while (taken.has(`grant${number}`)) number++;
    return `grant${number}`;
  };
  let who!: HTMLSelectElement;
  let what!: HTMLSelectElement;
  const add = (event: Event) => {
    event.preventDefault();
    setAdding(false);
    set(who.value, free(who.value), { path: props.path, role: what.value }, t("grant_of", { user: who.value, name: props.name }));
  };
  return (
    <section class="card scroll-x">
      <header><h2>{t("permissions")}</h2><Show when={may("access.manage")}><button onClick={() => setAdding(true)}>{t("add_grant")}</button></Show></header>
      <ErrorBox error={users.error} />
      <table class="table">
        <thead><tr><th>{t("user")}</th><th>{t("role")}</th><th>{t("granted_on")}</th><th>{t("allows")}</th><th /></tr></thead>
        <tbody>
          <For each={grants()} fallback={<tr><td colspan="5" class="quiet">{users.loading ? t("loading") : t("none")}</td></tr>}>
            {(grant) => (
              <tr>
                <td><strong><bdi>{grant.user.name}</bdi></strong> <span class="quiet"><bdi>{grant.user.full_name}</bdi></span></td>
                <td class="nowrap">{grant.role}</td>
                <td><code>{grant.path}</code></td>
                <td class="quiet small">{privileges(grant.role).join(", ")}</td>
                <td class="number"><Show when={grant.path === props.path && may("access.manage")}><button class="danger" onClick={() => set(grant.user.name, grant.key, null, t("withdraw_of", { user: grant.user.name, name: props.name }))}>{t("withdraw")}</button></Show></td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
      <p class="quiet small">{t("permissions_hint")}</p>
      <Show when={adding()}>
        <Dialog title={`${t("add_grant")}: ${props.name}`} class="narrow" close={() => setAdding(false)}>
          <form class="stack" onSubmit={add}>
            <label class="field"><span>{t("user")}</span><select ref={who}><For each={users.value}>{(user) => <option value={user.name}>{user.name}</option>}</For></select></label>
            <label class="field"><span>{t("role")}</span><select ref={what}><For each={live.role.all()}>{(role) => <option value={role.name} selected={role.name === "user"}>{role.name}</option>}</For></select></label>
            <div class="buttons"><button type="button" onClick={() => setAdding(false)}>{t("cancel")}</button><button class="main-action">{t("show_plan")}</button></div>
          </form>
        </Dialog>
      </Show>
      <Show when={change()} keyed>{(one) => <ChangeDialog change={one} close={() => setChange(undefined)} done={() => users.again()} />}</Show>
    </section>
  );
}
