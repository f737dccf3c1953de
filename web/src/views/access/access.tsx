// Who may do what: users, tokens, roles, sessions, the rules for passwords, the audit log, and what one may oneself.
import { A, useParams } from "@solidjs/router";
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { may, self } from "../../api/http";
import { t, type Key } from "../../i18n";
import { Audit } from "./audit";
import { PasswordDialog } from "./password";
import { Roles } from "./roles";
import { Sessions } from "./sessions";
import { Settings } from "./settings";
import { Tokens } from "./tokens";
import { Users } from "./users";

const tabs: { name: string; allowed: () => boolean; view: () => JSX.Element }[] = [
  { name: "users", allowed: () => may("access.read"), view: Users },
  { name: "roles", allowed: () => may("access.read"), view: Roles },
  { name: "tokens", allowed: () => true, view: Tokens },
  { name: "sessions", allowed: () => true, view: Sessions },
  { name: "settings", allowed: () => may("access.read"), view: Settings },
  { name: "audit", allowed: () => may("audit.read"), view: Audit },
  { name: "me", allowed: () => true, view: Me },
];

function Me(): JSX.Element {
  const [password, setPassword] = createSignal(false);
  return (
    <section class="card">
      <header><h2>{self()!.user}</h2><button onClick={() => setPassword(true)}>{t("password_change")}</button></header>
      <p class="quiet">{t("my_rights")}</p>
      <div class="scroll-x">
        <table class="table">
          <thead><tr><th>{t("path")}</th><th>{t("allows")}</th></tr></thead>
          <tbody><For each={self()!.rights}>{(right) => <tr><td><code>{right.path}</code></td><td>{(right.privileges as string[]).join(", ")}</td></tr>}</For></tbody>
        </table>
      </div>
      <Show when={password()}><PasswordDialog user={self()!.user!} close={() => setPassword(false)} /></Show>
    </section>
  );
}

export function Access(): JSX.Element {
  const params = useParams<{ tab?: string }>();
  const allowed = () => tabs.filter((tab) => tab.allowed());
  // The same as long as it is the same: who signs in again finds what was open in it.
  const tab = createMemo(() => allowed().find((one) => one.name === params.tab) ?? allowed()[0]!);
  return (
    <>
      <h1>{t("access")}</h1>
      <nav class="tabs" aria-label={t("access")}>
        <For each={allowed()}>{(one) => <A href={`/access/${one.name}`} class={tab() === one ? "active" : ""} activeClass="" inactiveClass="" aria-current={tab() === one ? "page" : undefined}>{t(`access_${one.name}` as Key)}</A>}</For>
      </nav>
      <Show when={tab()} keyed>{(one) => one.view()}</Show>
    </>
  );
}
