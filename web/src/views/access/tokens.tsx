// API tokens. One is made in person, at once: it has no plan, and its secret is shown this once.
import { createSignal, For, Show, type JSX } from "solid-js";
import { ask, getAll, self } from "../../api/http";
import { live } from "../../api/live";
import { reading, tableOf } from "../../api/read";
import { commandLine, curlLine, withField, type Document } from "../../api/schema";
import type { Token } from "../../api/types";
import { t } from "../../i18n";
import { when } from "../../i18n/units";
import { ChangeDialog, deletion, type Change } from "../../ui/change";
import { Copy } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { ErrorBox } from "../../ui/errors";
import { Form } from "../../ui/form";
import { SameAsCommand } from "../../ui/same";
import { grantSuggestions } from "./grants";

function Make(props: { close: () => void; made: (secret: string) => void }): JSX.Element {
  const table = tableOf("token");
  const [draft, setDraft] = createSignal<Document>({ user: self()!.user });
  const [failed, setFailed] = createSignal<unknown>();
  const make = async (event: Event) => {
    event.preventDefault();
    try {
      const { body } = await ask<Token & { secret: string }>("POST", "/tokens", { body: draft() });
      props.made(body.secret);
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog title={t("create_token")} class="wide" close={props.close}>
      <form class="stack" onSubmit={(event) => void make(event)}>
        <Show when={table()}>{(fields) => <Form table={fields()} value={draft()} base={{}} creating set={(path, value) => setDraft(withField(draft(), path, value))} suggest={{ ...grantSuggestions(), user: live.user.all().map((user) => user.name) }} />}</Show>
        <ErrorBox error={failed()} />
        <SameAsCommand command={commandLine("token create", [String(draft().name ?? "")], table(), draft())} curl={curlLine("POST", "/tokens", draft())} />
        <div class="buttons"><button type="button" onClick={() => props.close()}>{t("cancel")}</button><button class="main-action" disabled={!draft().name}>{t("create")}</button></div>
      </form>
    </Dialog>
  );
}

export function Tokens(): JSX.Element {
  const tokens = reading(() => "/tokens", getAll<Token>, { changes: () => live.token.count() });
  const [making, setMaking] = createSignal(false);
  const [secret, setSecret] = createSignal<string>();
  const [change, setChange] = createSignal<Change>();
  const scope = (token: Token) => Object.values(token.grants ?? {});
  return (
    <>
      <div><button class="main-action" onClick={() => setMaking(true)}>{t("create_token")}</button></div>
      <section class="card scroll-x">
        <ErrorBox error={tokens.error} />
        <table class="table">
          <thead><tr><th>{t("col_name")}</th><th>{t("user")}</th><th>{t("grants")}</th><th>{t("created")}</th><th>{t("expires")}</th><th>{t("last_used")}</th><th /></tr></thead>
          <tbody>
            <For each={tokens.value} fallback={<tr><td colspan="7" class="quiet">{tokens.loading ? t("loading") : t("no_tokens")}</td></tr>}>
              {(token) => (
                <tr>
                  <td><strong><bdi>{token.name}</bdi></strong></td>
                  <td>{token.user}</td>
                  <td><For each={scope(token)} fallback={<span class="quiet">{t("as_user")}</span>}>{(grant) => <div><code>{grant.path}</code> → {grant.role}</div>}</For></td>
                  <td class="quiet">{when(token.created)}</td>
                  <td class="quiet">{when(token.expires)}</td>
                  <td class="quiet">{when(token.last_used)}</td>
                  <td class="number"><button class="danger" onClick={() => setChange(deletion("token", `/tokens/${token.id}`, token.id, token.name))}>{t("delete")}</button></td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Show when={making()}><Make close={() => setMaking(false)} made={(text) => (setSecret(text), setMaking(false), tokens.again())} /></Show>
      <Show when={secret()}>
        {(text) => (
          <Dialog title={t("token_made")} firm close={() => setSecret(undefined)}>
            <p>{t("token_once")}</p>
            <pre class="log" tabindex="0">{text()}</pre>
            <div class="buttons"><Copy text={text()}>{t("copy")}</Copy><button class="main-action" onClick={() => setSecret(undefined)}>{t("close")}</button></div>
          </Dialog>
        )}
      </Show>
      <Show when={change()} keyed>{(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={() => tokens.again()} />}</Show>
    </>
  );
}
