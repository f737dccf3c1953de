import { createSignal, For, Show, type JSX } from "solid-js";
import { getAll, may, self } from "../../api/http";
import { live } from "../../api/live";
import { reading, tableOf } from "../../api/read";
import type { Document } from "../../api/schema";
import type { User } from "../../api/types";
import { t } from "../../i18n";
import { ChangeDialog, deletion, type Change } from "../../ui/change";
import { Editor } from "../../ui/editor";
import { ErrorBox } from "../../ui/errors";
import { Menu } from "../../ui/menu";
import { Icon } from "../../ui/icons";
import { grantSuggestions } from "./grants";
import { PasswordDialog } from "./password";

const address = (name: string) => `/users/${encodeURIComponent(name)}`;

export function Users(): JSX.Element {
  const users = reading(() => "/users", getAll<User>, { changes: () => live.user.count() });
  const table = tableOf("user");
  const [editing, setEditing] = createSignal<{ user?: User }>();
  const [change, setChange] = createSignal<Change>();
  const [password, setPassword] = createSignal<string>();
  const manage = () => may("access.manage");
  const toggle = (user: User) => {
    const enabled = user.enabled === false;
    setChange({ title: t(enabled ? "enable_of" : "disable_of", { name: user.name }), method: "PATCH", path: address(user.name), body: { enabled }, command: "user set", words: [user.name], table: table(), danger: !enabled, verb: t(enabled ? "enable" : "disable") });
  };
  return (
    <>
      <Show when={manage()}><div><button class="main-action" onClick={() => setEditing({})}>{t("create_user")}</button></div></Show>
      <section class="card scroll-x">
        <ErrorBox error={users.error} />
        <table class="table">
          <thead><tr><th>{t("col_name")}</th><th>{t("full_name")}</th><th>{t("grants")}</th><th>{t("state")}</th><th /></tr></thead>
          <tbody>
            <For each={users.value}>
              {(user) => (
                <tr>
                  <td><strong><bdi>{user.name}</bdi></strong></td>
                  <td><bdi>{user.full_name}</bdi></td>
                  <td><For each={Object.values(user.grants ?? {})}>{(grant) => <div><code>{grant.path}</code> → {grant.role}</div>}</For></td>
                  <td><span class={`state ${user.enabled === false ? "off" : "good"}`}>{t(user.enabled === false ? "disabled" : "enabled")}</span></td>
                  <td>
                    <div class="line row-end">
                      <Show when={manage()}><button onClick={() => setEditing({ user })}>{t("edit")}</button></Show>
                      <Show when={manage() || user.name === self()?.user}>
                        <Menu name={`${t("more_actions")}: ${user.name}`} label={<Icon name="more" />} class="icon">
                          <button onClick={() => setPassword(user.name)}>{t("password")}…</button>
                          <Show when={manage()}>
                            <button onClick={() => toggle(user)}>{t(user.enabled === false ? "enable" : "disable")}</button>
                            <hr />
                            <button class="danger" onClick={() => setChange(deletion("user", address(user.name), user.name))}>{t("delete")}</button>
                          </Show>
                        </Menu>
                      </Show>
                    </div>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Show when={editing()} keyed>
        {({ user }) => (
          <Editor
            table="user"
            title={user ? t("change_of", { name: user.name }) : t("create_user")}
            base={user as Document | undefined}
            start={{ grants: { grant0: { path: "/", role: "user" } } }}
            path={user ? address(user.name) : "/users"}
            command="user"
            suggest={grantSuggestions()}
            close={() => setEditing(undefined)}
            // Somebody who cannot sign in yet needs a password.
            done={(_, sent) => (users.again(), user || setPassword(String(sent.name)))}
          />
        )}
      </Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => users.again()} />}</Show>
      <Show when={password()} keyed>{(name) => <PasswordDialog user={name} close={() => setPassword(undefined)} />}</Show>
    </>
  );
}
