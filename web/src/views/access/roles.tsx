import { createSignal, For, Show, type JSX } from "solid-js";
import { get, getAll, may } from "../../api/http";
import { live } from "../../api/live";
import { reading } from "../../api/read";
import type { Document } from "../../api/schema";
import type { List, Privilege, Role } from "../../api/types";
import { either, t } from "../../i18n";
import { ChangeDialog, deletion, type Change } from "../../ui/change";
import { Editor } from "../../ui/editor";
import { ErrorBox } from "../../ui/errors";

const address = (name: string) => `/roles/${encodeURIComponent(name)}`;

export function Roles(): JSX.Element {
  const roles = reading(() => "/roles", getAll<Role>, { changes: () => live.role.count() });
  const privileges = reading(() => "/privileges", (path) => get<List<Privilege>>(path));
  const [editing, setEditing] = createSignal<{ role?: Role }>();
  const [change, setChange] = createSignal<Change>();
  const help = (name: string) => {
    const found = privileges.value?.items.find((one) => one.name === name);
    return either(found?.help, found?.help_ja);
  };
  const choices = () => (privileges.value?.items ?? []).map((one) => ({ value: one.name, help: either(one.help, one.help_ja) }));
  return (
    <>
      <Show when={may("access.manage")}><div><button class="main-action" onClick={() => setEditing({})}>{t("create_role")}</button></div></Show>
      <ErrorBox error={roles.error} />
      <div class="columns">
        <For each={roles.value}>
          {(role) => (
            <section class="card">
              <header>
                <h2><bdi>{role.name}</bdi></h2>
                <Show when={!role.builtin && may("access.manage")} fallback={<Show when={role.builtin}><span class="tag">{t("builtin")}</span></Show>}>
                  <span class="line"><button onClick={() => setEditing({ role })}>{t("edit")}</button><button class="danger" onClick={() => setChange(deletion("role", address(role.name), role.name))}>{t("delete")}</button></span>
                </Show>
              </header>
              <Show when={role.description}><p class="quiet"><bdi>{role.description}</bdi></p></Show>
              <div class="line"><For each={role.privileges as string[]}>{(name) => <span class="tag" title={help(name)}>{name}</span>}</For></div>
            </section>
          )}
        </For>
      </div>
      <Show when={editing()} keyed>
        {({ role }) => (
          <Editor table="role" title={role ? t("change_of", { name: role.name }) : t("create_role")} base={role as Document | undefined} start={{ privileges: [] }} path={role ? address(role.name) : "/roles"} command="role" choices={{ privileges: choices() }} close={() => setEditing(undefined)} done={() => roles.again()} />
        )}
      </Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => roles.again()} />}</Show>
    </>
  );
}
