// Who may do what: users, tokens, roles, sessions, the rules for passwords, and the audit log.
import { A, useParams } from "@solidjs/router";
import { createResource, createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import { ask, get, getAll, may, self } from "../api/http";
import { live } from "../api/live";
import { schema, type Document } from "../api/schema";
import type { AuditEntry, List, Privilege, Role, Session, Token, User } from "../api/types";
import { either, t, type Key } from "../i18n";
import { ago, when } from "../i18n/units";
import { ChangeDialog, type Change } from "../ui/change";
import { now } from "../ui/clock";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";
import { Form } from "../ui/form";
import { Pager } from "../ui/pager";
import { tellDone } from "../ui/toasts";

const tabs = ["users", "tokens", "roles", "sessions", "audit"] as const;

function Password(props: { user: string; close: () => void }): JSX.Element {
  const own = () => props.user === self()?.user;
  const [failed, setFailed] = createSignal<unknown>();
  let current: HTMLInputElement | undefined;
  let password!: HTMLInputElement;
  const set = async (event: Event) => {
    event.preventDefault();
    try {
      await ask("POST", `/users/${encodeURIComponent(props.user)}/password`, { body: { password: password.value, ...(own() ? { current: current!.value } : {}) } });
      tellDone(t("password_set"));
      props.close();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog title={t("password_of", { name: props.user })} close={props.close}>
      <form class="stack" onSubmit={(event) => void set(event)}>
        <Show when={own()}><label class="field"><span>{t("password_current")}</span><input ref={current} type="password" autocomplete="current-password" required /></label></Show>
        <label class="field"><span>{t("password_new")}</span><input ref={password} type="password" autocomplete="new-password" required /></label>
        <p class="quiet small">{t("password_rules", { length: self()?.password_rules?.length ?? 12 })}</p>
        <ErrorBox error={failed()} />
        <div class="buttons"><button type="button" onClick={() => props.close()}>{t("cancel")}</button><button class="main-action">{t("apply")}</button></div>
      </form>
    </Dialog>
  );
}

function Users(): JSX.Element {
  const [users, { refetch }] = createResource(() => live.user.all().length + 1, () => getAll<User>("/users"));
  const [table] = createResource(() => schema("user"));
  const [draft, setDraft] = createSignal<Document>();
  const [grants, setGrants] = createSignal<{ path: string; role: string }[]>([]);
  const [change, setChange] = createSignal<Change>();
  const [password, setPassword] = createSignal<string>();
  const begin = () => (setDraft({}), setGrants([{ path: "/", role: "user" }]));
  const body = () => ({ ...draft(), grants: Object.fromEntries(grants().map((grant, i) => [`grant${i}`, grant])) });
  return (
    <>
      <Show when={may("access.manage")}><div><button class="main-action" onClick={begin}>{t("create_user")}</button></div></Show>
      <section class="card scroll-x">
        <ErrorBox error={users.error} />
        <table class="table">
          <thead><tr><th>{t("col_name")}</th><th>{t("full_name")}</th><th>{t("grants")}</th><th>{t("state")}</th><th /></tr></thead>
          <tbody>
            <For each={users.error ? [] : users.latest}>
              {(user) => (
                <tr>
                  <td><strong><bdi>{user.name}</bdi></strong></td>
                  <td><bdi>{user.full_name}</bdi></td>
                  <td><For each={Object.values(user.grants ?? {})}>{(grant) => <div><code>{grant.path}</code> → {grant.role}</div>}</For></td>
                  <td><span class={`state ${user.enabled === false ? "off" : "good"}`}>{t(user.enabled === false ? "disabled" : "enabled")}</span></td>
                  <td class="number">
                    <Show when={may("access.manage") || user.name === self()?.user}><button onClick={() => setPassword(user.name)}>{t("password")}</button> </Show>
                    <Show when={may("access.manage")}>
                      <button onClick={() => setChange({ title: t(user.enabled === false ? "enable_of" : "disable_of", { name: user.name }), method: "PATCH", path: `/users/${encodeURIComponent(user.name)}`, body: { enabled: user.enabled === false }, command: "user set", words: [user.name], table: table() })}>{t(user.enabled === false ? "enable" : "disable")}</button>{" "}
                      <button class="danger" onClick={() => setChange({ title: t("delete_of", { name: user.name }), method: "DELETE", path: `/users/${encodeURIComponent(user.name)}`, command: "user delete", words: [user.name], danger: true, verb: t("delete") })}>{t("delete")}</button>
                    </Show>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Show when={draft() && table() && !change()}>
        <Dialog title={t("create_user")} close={() => setDraft(undefined)}>
          <Form table={table()!} value={draft()!} base={{}} creating hide={["grants"]} set={([name], value) => setDraft((old) => ({ ...old, [name!]: value }))} />
          <fieldset class="stack">
            <legend>{t("grants")}</legend>
            <For each={grants()}>
              {(grant, index) => (
                <div class="line">
                  <input class="grows" aria-label={t("path")} value={grant.path} onChange={(event) => setGrants((all) => all.map((one, i) => (i === index() ? { ...one, path: event.currentTarget.value } : one)))} />
                  <select class="grows" aria-label={t("role")} value={grant.role} onChange={(event) => setGrants((all) => all.map((one, i) => (i === index() ? { ...one, role: event.currentTarget.value } : one)))}>
                    <For each={live.role.all()}>{(role) => <option value={role.name}>{role.name}</option>}</For>
                  </select>
                  <button class="plain danger" onClick={() => setGrants((all) => all.filter((_, i) => i !== index()))}>{t("remove")}</button>
                </div>
              )}
            </For>
            <div><button onClick={() => setGrants((all) => [...all, { path: "/", role: "user" }])}>{t("add_grant")}</button></div>
            <p class="quiet small">{t("grants_hint")}</p>
          </fieldset>
          <div class="buttons"><button onClick={() => setDraft(undefined)}>{t("cancel")}</button><button class="main-action" disabled={!draft()!.name} onClick={() => setChange({ title: t("create_of", { name: String(draft()!.name) }), method: "POST", path: "/users", body: body(), command: "user create", words: [String(draft()!.name)], table: table(), verb: t("create") })}>{t("show_plan")}</button></div>
        </Dialog>
      </Show>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={() => { const name = draft()?.name; setDraft(undefined); void refetch(); if (name) setPassword(String(name)); }} />}</Show>
      <Show when={password()}>{(name) => <Password user={name()} close={() => setPassword(undefined)} />}</Show>
    </>
  );
}

function Tokens(): JSX.Element {
  const [tokens, { refetch }] = createResource(() => live.token.all().length + 1, () => getAll<Token>("/tokens"));
  const [making, setMaking] = createSignal(false);
  const [secret, setSecret] = createSignal<string>();
  const [failed, setFailed] = createSignal<unknown>();
  const [change, setChange] = createSignal<Change>();
  let name!: HTMLInputElement;
  const make = async (event: Event) => {
    event.preventDefault();
    try {
      const { body } = await ask<Token & { secret: string }>("POST", "/tokens", { body: { name: name.value, user: self()!.user }, key: crypto.randomUUID() });
      setSecret(body.secret);
      setMaking(false);
      void refetch();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <>
      <div><button class="main-action" onClick={() => setMaking(true)}>{t("create_token")}</button></div>
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th>{t("col_name")}</th><th>{t("user")}</th><th>{t("created")}</th><th>{t("expires")}</th><th /></tr></thead>
          <tbody>
            <For each={tokens.error ? [] : tokens.latest} fallback={<tr><td colspan="5" class="quiet">{t("no_tokens")}</td></tr>}>
              {(token) => <tr><td><bdi>{token.name}</bdi></td><td>{token.user}</td><td class="quiet">{when(token.created)}</td><td class="quiet">{when(token.expires)}</td><td class="number"><button class="danger" onClick={() => setChange({ title: t("delete_of", { name: token.name }), method: "DELETE", path: `/tokens/${token.id}`, command: "token delete", words: [token.id], danger: true, verb: t("delete") })}>{t("delete")}</button></td></tr>}
            </For>
          </tbody>
        </table>
      </section>
      <Show when={making()}>
        <Dialog title={t("create_token")} close={() => setMaking(false)}>
          <form class="stack" onSubmit={(event) => void make(event)}>
            <label class="field"><span>{t("col_name")}</span><input ref={name} required maxLength={63} /></label>
            <ErrorBox error={failed()} />
            <div class="buttons"><button type="button" onClick={() => setMaking(false)}>{t("cancel")}</button><button class="main-action">{t("create")}</button></div>
          </form>
        </Dialog>
      </Show>
      <Show when={secret()}>{(text) => <Dialog title={t("token_made")} close={() => setSecret(undefined)}><p>{t("token_once")}</p><pre class="log" tabindex="0">{text()}</pre><div class="buttons"><button onClick={() => void navigator.clipboard.writeText(text())}>{t("copy")}</button></div></Dialog>}</Show>
      <Show when={change()}>{(what) => <ChangeDialog change={what()} close={() => setChange(undefined)} done={() => void refetch()} />}</Show>
    </>
  );
}

function Roles(): JSX.Element {
  const [roles] = createResource(() => live.role.all().length + 1, () => getAll<Role>("/roles"));
  const [privileges] = createResource(() => get<List<Privilege>>("/privileges"));
  const text = (name: string) => {
    const found = privileges()?.items.find((one) => one.name === name);
    return either(found?.help, found?.help_ja);
  };
  return (
    <div class="columns">
      <For each={roles.error ? [] : roles.latest}>
        {(role) => (
          <section class="card">
            <header><h2><bdi>{role.name}</bdi></h2><Show when={role.builtin}><span class="tag">{t("builtin")}</span></Show></header>
            <p class="quiet"><bdi>{role.description}</bdi></p>
            <div class="line"><For each={role.privileges as string[]}>{(name) => <span class="tag" title={text(name)}>{name}</span>}</For></div>
          </section>
        )}
      </For>
    </div>
  );
}

function Sessions(): JSX.Element {
  const [sessions, { refetch }] = createResource(() => getAll<Session>("/sessions"));
  const end = (session: Session) => void ask("DELETE", `/sessions/${session.id}`).then(() => refetch());
  return (
    <section class="card scroll-x">
      <table class="table">
        <thead><tr><th>{t("user")}</th><th>{t("address")}</th><th>{t("browser")}</th><th>{t("last_used")}</th><th /></tr></thead>
        <tbody>
          <For each={sessions.latest}>
            {(session) => <tr><td>{session.user}</td><td class="mono">{session.address}</td><td class="quiet"><bdi>{session.agent}</bdi></td><td class="quiet nowrap">{ago(session.last_used, now())}</td><td class="number"><Show when={!session.current} fallback={<span class="tag">{t("this_session")}</span>}><button onClick={() => end(session)}>{t("end_session")}</button></Show></td></tr>}
          </For>
        </tbody>
      </table>
    </section>
  );
}

function Audit(): JSX.Element {
  const [after, setAfter] = createSignal<string>();
  const [filter, setFilter] = createSignal("");
  const [page] = createResource(() => ({ after: after(), filter: filter() }), ({ after: position, filter: text }) => get<List<AuditEntry>>(`/audit?limit=100${position ? `&after=${position}` : ""}${text ? `&filter=${encodeURIComponent(text)}` : ""}`));
  return (
    <>
      <label><span class="hidden-text">{t("filter")}</span><input type="search" placeholder="user:ann outcome:refused action~vms" onChange={(event) => (setAfter(undefined), setFilter(event.currentTarget.value))} /></label>
      <ErrorBox error={page.error} />
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th>{t("at")}</th><th>{t("user")}</th><th>{t("address")}</th><th>{t("action")}</th><th>{t("object")}</th><th>{t("outcome")}</th></tr></thead>
          <tbody>
            <For each={page.error ? [] : page.latest?.items}>
              {(entry) => <tr><td class="quiet nowrap">{when(entry.at)}</td><td>{entry.user}</td><td class="mono">{entry.address || entry.via}</td><td><code>{entry.action}</code></td><td>{entry.object}</td><td><span class={`state ${entry.outcome === "done" ? "good" : entry.outcome === "refused" ? "warn" : "bad"}`}>{t(`outcome_${entry.outcome}` as Key)}</span></td></tr>}
            </For>
          </tbody>
        </table>
      </section>
      <Pager at={after()} next={page.error ? undefined : page.latest?.next} go={setAfter} />
    </>
  );
}

export function Access(): JSX.Element {
  const params = useParams<{ tab?: string }>();
  const allowed = () => tabs.filter((tab) => tab === "tokens" || tab === "sessions" || (tab === "audit" ? may("audit.read") : may("access.read")));
  const tab = () => (allowed() as readonly string[]).includes(params.tab ?? "") ? params.tab! : allowed()[0]!;
  const [password, setPassword] = createSignal(false);
  return (
    <>
      <div class="heading"><h1>{t("access")}</h1><div class="actions"><button onClick={() => setPassword(true)}>{t("password_change")}</button></div></div>
      <nav class="tabs" aria-label={t("access")}>
        <For each={allowed()}>{(name) => <A href={`/access/${name}`} class={tab() === name ? "active" : ""} activeClass="" inactiveClass="" aria-current={tab() === name ? "page" : undefined}>{t(`access_${name}` as Key)}</A>}</For>
      </nav>
      <Switch>
        <Match when={tab() === "users"}><Users /></Match>
        <Match when={tab() === "tokens"}><Tokens /></Match>
        <Match when={tab() === "roles"}><Roles /></Match>
        <Match when={tab() === "sessions"}><Sessions /></Match>
        <Match when={tab() === "audit"}><Audit /></Match>
      </Switch>
      <Show when={password()}><Password user={self()!.user!} close={() => setPassword(false)} /></Show>
    </>
  );
}
